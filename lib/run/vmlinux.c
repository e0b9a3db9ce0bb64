// The vmlinux in a distribution's kernel. SPDX-License-Identifier: Apache-2.0
// Layout: Documentation/arch/x86/boot.rst; Xen's public/elfnote.h for the note.
#include "run/vmlinux.h"

#include "base/cleanup.h"
#include "base/write.h"
#include "run/unpack.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/* Offsets in the first sectors of a bzImage. */
	SETUP_SECTORS = 0x1f1,
	HEADER_MARK = 0x202,
	HEADER_VERSION = 0x206,
	PAYLOAD_OFFSET = 0x248,
	PAYLOAD_LENGTH = 0x24c,
	HEADER_END = 0x250,
	SECTOR = 512,
	VERSION_WITH_PAYLOAD = 0x0208,
	PHYS32_ENTRY = 18,
};

#define FILE_LIMIT     ((size_t)256 << 20)
#define UNPACKED_LIMIT ((size_t)512 << 20)

static uint32_t number_at(const char *data, size_t at, size_t bytes)
{
	const unsigned char *from = (const unsigned char *)data + at;
	uint32_t number = 0;
	for (size_t i = bytes; i-- > 0;)
		number = number << 8 | from[i];
	return number;
}

// -- bzImage --

struct payload {
	const char *data;
	size_t length, unpacked;
};

/* The last four bytes of the payload name the size unpacked: gzip ends so, and the kernel's build
 * adds them to what others packed. */
static int find_payload(const char *name, const char *data, size_t length, struct payload *ret,
                        struct hp_error *err)
{
	if (length < HEADER_END || memcmp(data + HEADER_MARK, "HdrS", 4) != 0)
		return hp_fail(err, -EINVAL, "%s: no kernel for x86: expected 'HdrS' at 0x202",
		               name);
	if (number_at(data, HEADER_VERSION, 2) < VERSION_WITH_PAYLOAD)
		return hp_fail(err, -EINVAL,
		               "%s: boot protocol 0x%04x does not tell where its payload is: "
		               "expected 0x0208 or later",
		               name, number_at(data, HEADER_VERSION, 2));
	uint32_t sectors = number_at(data, SETUP_SECTORS, 1);
	size_t start =
	    (size_t)((sectors ? sectors : 4) + 1) * SECTOR + number_at(data, PAYLOAD_OFFSET, 4);
	size_t size = number_at(data, PAYLOAD_LENGTH, 4);
	if (size < 8 || start > length || size > length - start)
		return hp_fail(err, -EINVAL,
		               "%s: cut short: its payload is %zu bytes from %zu on, the file has "
		               "%zu",
		               name, size, start, length);
	bool gzip = memcmp(data + start, "\x1f\x8b", 2) == 0;
	*ret = (struct payload){.data = data + start,
	                        .length = gzip ? size : size - 4,
	                        .unpacked = number_at(data, start + size - 4, 4)};
	return 0;
}

int hp_vmlinux_unpack(const char *name, const char *data, size_t length, struct hp_text *ret,
                      struct hp_error *err)
{
	struct payload payload = {0};
	int code = find_payload(name, data, length, &payload, err);
	if (code)
		return code;
	if (!payload.unpacked || payload.unpacked > UNPACKED_LIMIT)
		return hp_fail(err, -EINVAL,
		               "%s: it says that it unpacks to %zu bytes: expected at most %zu",
		               name, payload.unpacked, UNPACKED_LIMIT);
	hp_cleanup_free char *to = malloc(payload.unpacked);
	if (!to)
		return hp_fail(err, -ENOMEM, "%s: no memory for its %zu bytes", name,
		               payload.unpacked);
	if ((code = hp_unpack(payload.data, payload.length, to, payload.unpacked, err)))
		return hp_wrap(err, "%s", name);
	*ret = (struct hp_text){.length = payload.unpacked, .size = payload.unpacked};
	ret->data = hp_steal(to);
	return 0;
}

// -- vmlinux --

static size_t padded(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Whether the notes hold the entry. */
static bool find_note(const char *notes, size_t length, uint32_t *ret)
{
	Elf64_Nhdr head;
	for (size_t at = 0; length - at >= sizeof(head);) {
		memcpy(&head, notes + at, sizeof(head));
		at += sizeof(head);
		size_t name = padded(head.n_namesz), value = padded(head.n_descsz);
		if (name > length - at || value > length - at - name)
			return false;
		if (head.n_type == PHYS32_ENTRY && head.n_namesz == sizeof("Xen") &&
		    head.n_descsz >= 4 && memcmp(notes + at, "Xen", sizeof("Xen")) == 0) {
			*ret = number_at(notes, at + name, 4);
			return true;
		}
		at += name + value;
	}
	return false;
}

int hp_vmlinux_entry(const char *name, const char *data, size_t length, uint32_t *ret,
                     struct hp_error *err)
{
	Elf64_Ehdr head;
	Elf64_Phdr segment;
	if (length < sizeof(head))
		return hp_fail(err, -EINVAL, "%s: too short for a kernel", name);
	memcpy(&head, data, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_machine != EM_X86_64 || head.e_phentsize != sizeof(segment))
		return hp_fail(err, -EINVAL, "%s: expected a 64-bit ELF file for x86-64", name);
	for (size_t i = 0; i < head.e_phnum; i++) {
		if (head.e_phoff > length || length - head.e_phoff < (i + 1) * sizeof(segment))
			return hp_fail(err, -EINVAL, "%s: cut short in its program headers", name);
		memcpy(&segment, data + head.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type != PT_NOTE)
			continue;
		if (segment.p_offset > length || segment.p_filesz > length - segment.p_offset)
			return hp_fail(err, -EINVAL, "%s: cut short in its notes", name);
		if (find_note(data + segment.p_offset, segment.p_filesz, ret))
			return 0;
	}
	return hp_fail(err, -ENOTSUP,
	               "%s: no PVH entry: it has no note XEN_ELFNOTE_PHYS32_ENTRY, so it was built "
	               "without CONFIG_PVH",
	               name);
}

// -- files --

static int read_whole(const char *file, struct hp_text *ret, struct stat *status,
                      struct hp_error *err)
{
	hp_cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // it may be a pipe
	if (fd < 0 || fstat(fd, status) < 0)
		return hp_fail(err, -errno, "%s: %s", file, strerror(errno));
	if (!S_ISREG(status->st_mode) || (size_t)status->st_size > FILE_LIMIT)
		return hp_fail(err, -EINVAL, "%s: no kernel: expected a file of at most %zu bytes",
		               file, FILE_LIMIT);
	char *data = malloc((size_t)status->st_size + 1);
	size_t length = 0;
	ssize_t got = data ? 1 : -1;
	while (got > 0 && length < (size_t)status->st_size) {
		got = read(fd, data + length, (size_t)status->st_size - length);
		length += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		free(data);
		return hp_fail(err, -EIO, "%s: cannot be read", file);
	}
	data[length] = '\0';
	*ret = (struct hp_text){.data = data, .length = length, .size = length + 1};
	return 0;
}

/* Written beside and renamed: whoever reads it finds it whole, after a loss of power too. */
static int keep(const char *cache, const char *path, const struct hp_text *vmlinux,
                struct hp_error *err)
{
	hp_cleanup_free char *beside = hp_asprintf("%s/.vmlinux-XXXXXX", cache);
	hp_cleanup_fd int fd = mkostemp(beside, O_CLOEXEC);
	int code = fd < 0 ? -errno : hp_write_whole(fd, vmlinux->data, vmlinux->length);
	if (!code && (fsync(fd) < 0 || rename(beside, path) < 0))
		code = -errno;
	if (code && fd >= 0)
		unlink(beside);
	return code ? hp_fail(err, code, "cannot write %s: %s", path, strerror(-code)) : 0;
}

/* A kernel that others can write is what others boot. */
static int open_cache(const char *cache, struct hp_error *err)
{
	struct stat status;
	if (mkdir(cache, 0700) < 0 && errno != EEXIST)
		return hp_fail(err, -errno, "cannot make %s: %s", cache, strerror(errno));
	if (lstat(cache, &status) < 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
	    status.st_mode & (S_IWGRP | S_IWOTH))
		return hp_fail(err, -EPERM,
		               "%s: expected a directory of our own that nobody else can write",
		               cache);
	return 0;
}

/* A file that was changed has another name. */
static char *name_in(const char *cache, const struct stat *status)
{
	return hp_asprintf(
	    "%s/vmlinux-%llx-%llx-%llx-%llx%08lx", cache, (unsigned long long)status->st_dev,
	    (unsigned long long)status->st_ino, (unsigned long long)status->st_size,
	    (unsigned long long)status->st_mtim.tv_sec, (unsigned long)status->st_mtim.tv_nsec);
}

static int unpack_into(const char *file, const struct hp_text *image, const char *cache,
                       const char *path, struct hp_error *err)
{
	hp_cleanup_text struct hp_text vmlinux = {0};
	uint32_t entry;
	int code = hp_vmlinux_unpack(file, image->data, image->length, &vmlinux, err);
	if (!code)
		code = hp_vmlinux_entry(file, vmlinux.data, vmlinux.length, &entry, err);
	return code ? code : keep(cache, path, &vmlinux, err);
}

int hp_vmlinux_find(const char *file, const char *cache, char **ret, struct hp_error *err)
{
	hp_cleanup_text struct hp_text image = {0};
	struct stat status;
	uint32_t entry;
	int code = read_whole(file, &image, &status, err);
	if (code)
		return code;
	if (image.length >= SELFMAG && memcmp(image.data, ELFMAG, SELFMAG) == 0) {
		code = hp_vmlinux_entry(file, image.data, image.length, &entry, err);
		if (!code)
			*ret = hp_strdup(file);
		return code;
	}
	if ((code = open_cache(cache, err)))
		return code;
	hp_cleanup_free char *path = name_in(cache, &status);
	if (access(path, R_OK) != 0)
		code = unpack_into(file, &image, cache, path, err);
	if (!code)
		*ret = hp_steal(path);
	return code;
}
