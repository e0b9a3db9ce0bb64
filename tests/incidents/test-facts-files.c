// Every facts file of the test hosts is read without a complaint.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/text.h"
#include "facts/facts.h"

#include <dirent.h>
#include <string.h>

static void complain(void *data, const char *message)
{
	(void)data;
	fprintf(stderr, "%s\n", message);
}

static int read_whole(const char *path, struct hp_text *ret)
{
	hp_cleanup_file FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	char buffer[4096];
	size_t length;
	while ((length = fread(buffer, 1, sizeof(buffer), file)))
		hp_text_add(ret, buffer, length);
	return 0;
}

/* A file is named after its host. */
static int check_file(const char *directory, const char *name)
{
	hp_cleanup_free char *path = hp_asprintf("%s/%s", directory, name);
	hp_cleanup_text struct hp_text text = {0};
	struct hp_error err = {0};
	struct hp_facts *facts = NULL;
	if (read_whole(path, &text) || hp_facts_new(&facts, &err)) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	int refused =
	    hp_facts_import(facts, name, hp_text_get(&text), text.length, complain, NULL, &err);
	if (refused < 0)
		fprintf(stderr, "%s\n", err.message);
	if (refused == 0 &&
	    strncmp(hp_facts_host(facts), name, strlen(name) - strlen(".json")) != 0) {
		fprintf(stderr, "%s: its host is \"%s\"\n", path, hp_facts_host(facts));
		refused = 1;
	}
	hp_facts_free(facts);
	return refused != 0;
}

int main(int argc, char **argv)
{
	int failed = 0, read = 0;
	for (int i = 1; i < argc; i++) {
		DIR *directory = opendir(argv[i]);
		if (!directory) {
			perror(argv[i]);
			return 1;
		}
		for (struct dirent *entry; (entry = readdir(directory));) {
			if (!hp_ends_with(entry->d_name, ".json"))
				continue;
			failed += check_file(argv[i], entry->d_name);
			read++;
		}
		closedir(directory);
	}
	printf("%d facts files, %d of them refused in part\n", read, failed);
	return failed || !read;
}
