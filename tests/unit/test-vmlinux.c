// A kernel unpacked: by each packer, a real one, and what is none. SPDX-License-Identifier:
// Apache-2.0
#include "base/cleanup.h"
#include "run/vmlinux.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The least that counts as a kernel: an ELF head, one segment of notes, the note. */
static const char elf[] =
    "\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00"
    "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x40\x00\x38\x00\x01\x00\x00\x00"
    "\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x78\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00"
    "\x00\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
    "\x04\x00\x00\x00\x04\x00\x00\x00\x12\x00\x00\x00\x58\x65\x6e\x00\x70\x00\x00\x01";

#define ENTRY 0x1000070

static const struct packed {
	const char *name, *data;
	size_t length;
} packed[] = {
#define PACKED(name, text)                                                                         \
	{                                                                                          \
		name, text, sizeof(text) - 1                                                       \
	}
    PACKED("gzip",
           "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x77\xf5\x71\x63\x62\x64\x64\x80\x01"
           "\x26\x06\x3b\x06\x04\x8f\x81\xc1\x81\x01\x13\x38\x30\x58\xc0\xd5\xb0\x40\xe9\x0a"
           "\x06\xec\x40\x04\x8d\x66\x41\xa2\x41\x58\x08\x88\x23\x52\xf3\x18\x0a\x18\x18\x18"
           "\x01\xad\x70\x08\x9d\x8c\x00\x00\x00"),
    PACKED("xz", "\xfd\x37\x7a\x58\x5a\x00\x00\x01\x69\x22\xde\x36\x02\x00\x21\x01\x16\x00\x00\x00"
                 "\x74\x2f\xe5\xa3\xe0\x00\x8b\x00\x31\x5d\x00\x3f\x91\x45\x84\x68\x3d\x89\xa6\xda"
                 "\x8a\xcc\x93\xe2\x4e\xf1\xed\xef\x67\x31\x28\x63\x1d\x5a\xaf\x31\x49\xc2\x14\x18"
                 "\x8d\xb5\xf1\x14\x08\xde\x82\xc5\x3e\x43\xd9\x71\xdf\x2d\xb2\x3a\xfc\x70\x8c\x00"
                 "\x00\x00\x00\x00\xad\x70\x08\x9d\x00\x01\x49\x8c\x01\x00\x00\x00\x8f\xb5\xa8\x27"
                 "\x3e\x30\x0d\x8b\x02\x00\x00\x00\x00\x01\x59\x5a"),
    PACKED("zstd",
           "\x28\xb5\x2f\xfd\x24\x8c\x05\x02\x00\x34\x02\x7f\x45\x4c\x46\x02\x01\x01\x00\x02"
           "\x00\x3e\x00\x00\x00\x40\x00\x40\x00\x38\x04\x78\x14\x04\x12\x00\x00\x00\x58\x65"
           "\x6e\x00\x70\x00\x00\x01\x0c\x00\x2f\x01\x80\x71\xa0\x33\x20\x06\x48\x80\x7c\x2b"
           "\x99\x1d\x55\x1c\x20\xc2\x65\x8f\x98\x9b\x10\x80\x0b\xa3\x6c\x7b\x32"),
    PACKED("lz4", "\x02\x21\x4c\x18\x49\x00\x00\x00\x84\x7f\x45\x4c\x46\x02\x01\x01\x00\x01\x00\x46"
                  "\x02\x00\x3e\x00\x0e\x00\x30\x00\x00\x40\x05\x00\x0b\x02\x00\x35\x40\x00\x38\x24"
                  "\x00\x13\x04\x1c\x00\x13\x78\x08\x00\x0c\x02\x00\x13\x14\x11\x00\x04\x08\x00\x04"
                  "\x30\x00\x00\x08\x00\x00\x04\x00\xc0\x12\x00\x00\x00\x58\x65\x6e\x00\x70\x00\x00"
                  "\x01"),
};

static void put_number(struct hp_text *text, size_t at, uint32_t number)
{
	for (size_t i = 0; i < 4; i++)
		text->data[at + i] = (char)(number >> 8 * i);
}

/* A bzImage of one setup sector. gzip ends with the size by itself. */
static void make_image(const struct packed *payload, uint32_t unpacked, struct hp_text *ret)
{
	char zeros[1024] = {0};
	size_t length = payload->length + (strcmp(payload->name, "gzip") == 0 ? 0 : 4);
	hp_text_add(ret, zeros, sizeof(zeros));
	ret->data[0x1f1] = 1;
	memcpy(ret->data + 0x202, "HdrS\x0f\x02", 6);
	put_number(ret, 0x24c, (uint32_t)length);
	hp_text_add(ret, payload->data, payload->length);
	if (length > payload->length)
		hp_text_add(ret, zeros, 4);
	put_number(ret, ret->length - 4, unpacked);
}

static void each_packer(void **state HP_UNUSED)
{
	for (size_t i = 0; i < HP_COUNT(packed); i++) {
		hp_cleanup_text struct hp_text image = {0}, vmlinux = {0};
		struct hp_error error = {0};
		uint32_t entry = 0;
		make_image(&packed[i], sizeof(elf) - 1, &image);
		int code = hp_vmlinux_unpack("k", image.data, image.length, &vmlinux, &error);
		if (code == -ENOTSUP) {
			print_message("%s\n", error.message);
			continue;
		}
		if (code)
			fail_msg("%s: %s", packed[i].name, error.message);
		assert_int_equal(vmlinux.length, sizeof(elf) - 1);
		assert_memory_equal(vmlinux.data, elf, sizeof(elf) - 1);
		assert_int_equal(
		    hp_vmlinux_entry("k", vmlinux.data, vmlinux.length, &entry, &error), 0);
		assert_int_equal(entry, ENTRY);
	}
}

static void refused(const struct hp_text *image, int code, const char *why)
{
	hp_cleanup_text struct hp_text vmlinux = {0};
	struct hp_error error = {0};
	assert_int_equal(hp_vmlinux_unpack("/boot/k", image->data, image->length, &vmlinux, &error),
	                 code);
	if (strncmp(error.message, "/boot/k: ", 9) != 0 || !strstr(error.message, why))
		fail_msg("'%s' does not say '%s'", error.message, why);
	assert_null(vmlinux.data);
}

static void what_is_no_image(void **state HP_UNUSED)
{
	hp_cleanup_text struct hp_text script = {0}, old = {0};
	hp_text_puts(&script, "#!/bin/sh\n");
	refused(&script, -EINVAL, "HdrS");
	make_image(&packed[1], sizeof(elf) - 1, &old);
	old.data[0x206] = 4;
	refused(&old, -EINVAL, "boot protocol 0x0204 does not tell where its payload is");
}

static void cut_anywhere(void **state HP_UNUSED)
{
	for (size_t i = 0; i < HP_COUNT(packed); i++) {
		hp_cleanup_text struct hp_text image = {0}, vmlinux = {0};
		make_image(&packed[i], sizeof(elf) - 1, &image);
		for (size_t length = 0; length < image.length; length++) {
			struct hp_error error = {0};
			hp_cleanup_free char *part = malloc(length + 1);
			memcpy(part, image.data, length);
			assert_int_equal(hp_vmlinux_unpack("k", part, length, &vmlinux, &error),
			                 -EINVAL);
		}
	}
}

/* What it claims bounds what is allocated; what it is, must be what it claims. */
static void bombs(void **state HP_UNUSED)
{
	for (size_t i = 0; i < HP_COUNT(packed); i++) {
		hp_cleanup_text struct hp_text huge = {0}, more = {0}, less = {0};
		make_image(&packed[i], 0xfffffff0, &huge);
		refused(&huge, -EINVAL, "4294967280 bytes: expected at most 536870912");
		make_image(&packed[i], sizeof(elf) - 2, &more);
		refused(&more, -EINVAL, "is damaged, or does not unpack to the 139 bytes");
		make_image(&packed[i], sizeof(elf), &less);
		refused(&less, -EINVAL, "is damaged, or does not unpack to the 141 bytes");
	}
}

static void unknown_packer(void **state HP_UNUSED)
{
	static const struct packed bzip2 = {"bzip2", "BZh91AY&SY", 10};
	hp_cleanup_text struct hp_text image = {0};
	make_image(&bzip2, 140, &image);
	refused(&image, -EINVAL, "none of gzip, xz, zstd and lz4");
}

static void no_entry(void **state HP_UNUSED)
{
	enum { NOTE_TYPE = 128, MACHINE = 18, PART = 130 };
	char other[sizeof(elf)];
	uint32_t entry = 0;
	struct hp_error error = {0};
	memcpy(other, elf, sizeof(elf));
	other[NOTE_TYPE] = 6;
	assert_int_equal(hp_vmlinux_entry("k", other, sizeof(elf) - 1, &entry, &error), -ENOTSUP);
	assert_non_null(strstr(error.message, "k: no PVH entry"));
	memcpy(other, elf, sizeof(elf));
	other[MACHINE] = (char)183; // AArch64
	assert_int_equal(hp_vmlinux_entry("k", other, sizeof(elf) - 1, &entry, &error), -EINVAL);
	for (size_t length = 0; length < sizeof(elf) - 1; length++) {
		hp_cleanup_free char *part = malloc(length + 1);
		memcpy(part, elf, length);
		assert_int_equal(hp_vmlinux_entry("k", part, length, &entry, &error), -EINVAL);
	}
}

// -- files --

static char *make_folder(void)
{
	char *folder = hp_strdup("/tmp/test-vmlinux-XXXXXX");
	assert_non_null(mkdtemp(folder));
	return folder;
}

static void write_file(const char *path, const struct hp_text *content)
{
	hp_cleanup_file FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(content->data, 1, content->length, file), content->length);
}

static void remove_folder(const char *folder)
{
	hp_cleanup_free char *command = hp_asprintf("rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

static void kept_and_found_again(void **state HP_UNUSED)
{
	hp_cleanup_free char *folder = make_folder(), *first = NULL, *second = NULL, *own = NULL;
	hp_cleanup_free char *kernel = hp_asprintf("%s/vmlinuz", folder);
	hp_cleanup_free char *cache = hp_asprintf("%s/cache", folder);
	hp_cleanup_text struct hp_text image = {0};
	struct hp_error error = {0};
	struct stat before, after;
	make_image(&packed[0], sizeof(elf) - 1, &image);
	write_file(kernel, &image);
	if (hp_vmlinux_find(kernel, cache, &first, &error))
		fail_msg("%s", error.message);
	assert_int_equal(stat(first, &before), 0);
	assert_int_equal(hp_vmlinux_find(kernel, cache, &second, &error), 0);
	assert_string_equal(first, second);
	assert_int_equal(stat(second, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(hp_vmlinux_find(first, cache, &own, &error), 0);
	assert_string_equal(own, first);
	remove_folder(folder);
}

static void cache_of_others(void **state HP_UNUSED)
{
	hp_cleanup_free char *folder = make_folder(), *path = NULL;
	hp_cleanup_free char *kernel = hp_asprintf("%s/vmlinuz", folder);
	hp_cleanup_text struct hp_text image = {0};
	struct hp_error error = {0};
	make_image(&packed[0], sizeof(elf) - 1, &image);
	write_file(kernel, &image);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(hp_vmlinux_find(kernel, folder, &path, &error), -EPERM);
	assert_non_null(strstr(error.message, "nobody else can write"));
	assert_int_equal(hp_vmlinux_find("/nowhere/vmlinuz", folder, &path, &error), -ENOENT);
	assert_null(path);
	remove_folder(folder);
}

/* Nobody writes into it, so whoever waits for that waits for ever. */
static void no_file(void **state HP_UNUSED)
{
	hp_cleanup_free char *folder = make_folder(), *path = NULL;
	hp_cleanup_free char *pipe = hp_asprintf("%s/pipe", folder);
	struct hp_error error = {0};
	assert_int_equal(mkfifo(pipe, 0600), 0);
	alarm(20);
	assert_int_equal(hp_vmlinux_find(pipe, folder, &path, &error), -EINVAL);
	assert_int_equal(hp_vmlinux_find(folder, folder, &path, &error), -EINVAL);
	alarm(0);
	remove_folder(folder);
}

/* Debian's own, where one is installed or the lab has fetched one. */
static void real_kernels(void **state HP_UNUSED)
{
	glob_t found = {0};
	const char *more = getenv("HP_TEST_KERNELS");
	glob("/boot/vmlinuz-*", 0, NULL, &found);
	glob(more ? more : "", GLOB_APPEND, NULL, &found);
	size_t count = found.gl_pathc;
	if (!count) {
		globfree(&found);
		skip();
	}
	hp_cleanup_free char *cache = make_folder();
	for (size_t i = 0; i < count; i++) {
		hp_cleanup_free char *path = NULL;
		struct hp_error error = {0};
		struct stat packed_size, size;
		if (hp_vmlinux_find(found.gl_pathv[i], cache, &path, &error))
			fail_msg("%s", error.message);
		assert_int_equal(stat(found.gl_pathv[i], &packed_size), 0);
		assert_int_equal(stat(path, &size), 0);
		assert_true(size.st_size > 2 * packed_size.st_size);
		print_message("%s: %lld bytes, unpacked %lld\n", found.gl_pathv[i],
		              (long long)packed_size.st_size, (long long)size.st_size);
	}
	globfree(&found);
	remove_folder(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_packer),
	    cmocka_unit_test(what_is_no_image),
	    cmocka_unit_test(cut_anywhere),
	    cmocka_unit_test(bombs),
	    cmocka_unit_test(unknown_packer),
	    cmocka_unit_test(no_entry),
	    cmocka_unit_test(kept_and_found_again),
	    cmocka_unit_test(cache_of_others),
	    cmocka_unit_test(no_file),
	    cmocka_unit_test(real_kernels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
