// What no file of the machine tells. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* Leaf 1, ECX bit 31: a hypervisor is there; it signs in leaf 0x40000000. */
static int hypervisor(struct hp_text *ret)
{
	unsigned a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d))
		return -ENODATA;
	if (!(c & (1u << 31))) {
		hp_text_puts(ret, "none");
		return 0;
	}
	unsigned signature[4] = {0};
	__cpuid(0x40000000, a, signature[0], signature[1], signature[2]);
	hp_text_puts(ret, (const char *)signature);
	return 0;
}

static int address_bits(struct hp_text *ret)
{
	unsigned a, b, c, d;
	if (!__get_cpuid(0x80000008, &a, &b, &c, &d))
		return -ENODATA;
	hp_text_printf(ret, "%u", a & 0xff);
	return 0;
}
#else
static int hypervisor(struct hp_text *ret)
{
	(void)ret;
	return -ENODATA;
}

static int address_bits(struct hp_text *ret)
{
	(void)ret;
	return -ENODATA;
}
#endif

static int machine(struct hp_text *ret)
{
	struct utsname name;
	if (uname(&name) < 0)
		return -errno;
	hp_text_puts(ret, name.machine);
	return 0;
}

static int release(struct hp_text *ret)
{
	struct utsname name;
	if (uname(&name) < 0)
		return -errno;
	hp_text_puts(ret, name.release);
	return 0;
}

static int nodename(struct hp_text *ret)
{
	struct utsname name;
	if (uname(&name) < 0)
		return -errno;
	hp_text_puts(ret, name.nodename);
	return 0;
}

static int uid(struct hp_text *ret)
{
	hp_text_printf(ret, "%u", (unsigned)geteuid());
	return 0;
}

static int memlock(struct hp_text *ret)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return -errno;
	if (limit.rlim_cur == RLIM_INFINITY)
		hp_text_puts(ret, "-1");
	else
		hp_text_printf(ret, "%llu", (unsigned long long)limit.rlim_cur);
	return 0;
}

static int now(struct hp_text *ret)
{
	hp_text_printf(ret, "%lld", (long long)time(NULL));
	return 0;
}

static const struct {
	const char *question;
	int (*answer)(struct hp_text *ret);
} questions[] = {
    {.question = "machine", .answer = machine},
    {.question = "release", .answer = release},
    {.question = "nodename", .answer = nodename},
    {.question = "uid", .answer = uid},
    {.question = "cpuid.hypervisor", .answer = hypervisor},
    {.question = "cpuid.address-bits", .answer = address_bits},
    {.question = "limit.memlock", .answer = memlock},
    {.question = "time", .answer = now},
};

static ssize_t give(const struct hp_text *answer, char *buffer, size_t size)
{
	if (answer->length > size)
		return -EFBIG;
	memcpy(buffer, hp_text_get(answer), answer->length);
	return (ssize_t)answer->length;
}

#define MODINFO "modinfo "
#define SELINUX "selinux "

/* The type in a file's label, user:role:type:level. */
static ssize_t selinux_type(const char *path, char *buffer, size_t size)
{
	char label[256];
	ssize_t length = getxattr(path, "security.selinux", label, sizeof(label) - 1);
	if (length < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? -ENODATA : -errno;
	label[length] = '\0';
	char *rest = label;
	strsep(&rest, ":");
	strsep(&rest, ":");
	const char *type = strsep(&rest, ":");
	if (!type)
		return -ENODATA;
	hp_cleanup_text struct hp_text answer = {0};
	hp_text_puts(&answer, type);
	return give(&answer, buffer, size);
}

/* Questions whose answers lie in files below `root`: trees of files answer them too. */
static const struct {
	const char *question;
	int (*answer)(const char *root, struct hp_text *ret);
} file_questions[] = {
    {.question = "descriptors", .answer = hp_ask_descriptors},
    {.question = "mappings", .answer = hp_ask_mappings},
    {.question = "processes", .answer = hp_ask_processes},
};

ssize_t hp_ask_files(struct hp_host *host, const char *root, const char *question, char *buffer,
                     size_t size)
{
	hp_cleanup_text struct hp_text answer = {0};
	int r = -ENODATA;
	if (hp_starts_with(question, MODINFO))
		r = hp_ask_modinfo(host, root, question + strlen(MODINFO), &answer);
	else if (strcmp(question, "images") == 0)
		r = hp_ask_images(host, &answer);
	for (size_t i = 0; i < HP_COUNT(file_questions); i++)
		if (strcmp(file_questions[i].question, question) == 0)
			r = file_questions[i].answer(root, &answer);
	return r < 0 ? r : give(&answer, buffer, size);
}

ssize_t hp_ask_live(struct hp_host *host, const char *question, char *buffer, size_t size)
{
	if (hp_starts_with(question, SELINUX))
		return selinux_type(question + strlen(SELINUX), buffer, size);
	for (size_t i = 0; i < HP_COUNT(questions); i++) {
		if (strcmp(questions[i].question, question) != 0)
			continue;
		hp_cleanup_text struct hp_text answer = {0};
		int r = questions[i].answer(&answer);
		return r < 0 ? r : give(&answer, buffer, size);
	}
	return hp_ask_files(host, "", question, buffer, size);
}
