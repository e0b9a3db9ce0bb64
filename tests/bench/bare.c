// The bare reading that the budgets are told in: eight facts of each PCI function below a root, and
// with a second argument its config space and resource file too. SPDX-License-Identifier:
// Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t total;

static void read_file(const char *device, const char *name)
{
	char path[4096], buffer[8192];
	snprintf(path, sizeof(path), "%s/%s", device, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t length = read(fd, buffer, sizeof(buffer));
	total += length > 0 ? (size_t)length : 0;
	close(fd);
}

static void read_link(const char *device, const char *name)
{
	char path[4096], buffer[4096];
	snprintf(path, sizeof(path), "%s/%s", device, name);
	ssize_t length = readlink(path, buffer, sizeof(buffer));
	total += length > 0 ? (size_t)length : 0;
}

int main(int argc, char **argv)
{
	static const char *const files[] = {"vendor",           "device",           "class",
	                                    "subsystem_vendor", "subsystem_device", "numa_node"};
	char folder[2048], device[2400];
	snprintf(folder, sizeof(folder), "%s/sys/bus/pci/devices", argc > 1 ? argv[1] : "");
	DIR *dir = opendir(folder);
	if (!dir) {
		perror(folder);
		return 1;
	}
	size_t functions = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(device, sizeof(device), "%s/%s", folder, entry->d_name);
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			read_file(device, files[i]);
		read_link(device, "driver");
		read_link(device, "iommu_group");
		if (argc > 2) {
			read_file(device, "config");
			read_file(device, "resource");
		}
		functions++;
	}
	closedir(dir);
	printf("%zu functions, %zu bytes\n", functions, total);
	return 0;
}
