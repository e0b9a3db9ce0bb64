// Unpacking a kernel: one buffer in, one out. SPDX-License-Identifier: Apache-2.0
//
// Few runs need any of the libraries, so they are opened at need, by the functions' prototypes that
// their interfaces promise for good: no header is needed to build.
#include "run/unpack.h"

#include "base/cleanup.h"
#include "base/library.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#ifdef HP_HAVE_ZLIB
#include <zlib.h>

static int unpack_gzip(const char *data, size_t length, char *to, size_t size, struct hp_error *err)
{
	enum { GZIP = 16 };
	z_stream stream = {.next_in = (Bytef *)data,
	                   .avail_in = (uInt)length,
	                   .next_out = (Bytef *)to,
	                   .avail_out = (uInt)size};
	if (inflateInit2(&stream, MAX_WBITS + GZIP) != Z_OK)
		return hp_fail(err, -ENOMEM, "zlib cannot begin");
	int code = inflate(&stream, Z_FINISH);
	size_t got = stream.total_out;
	inflateEnd(&stream);
	return code == Z_STREAM_END && got == size ? 0 : -EINVAL;
}
#else
static int unpack_gzip(const char *data HP_UNUSED, size_t length HP_UNUSED, char *to HP_UNUSED,
                       size_t size HP_UNUSED, struct hp_error *err)
{
	return hp_fail(err, -ENOTSUP, "happypath was built without zlib");
}
#endif

// -- xz --

struct lzma {
	int (*decode)(uint64_t *memory_limit, uint32_t flags, const void *allocator,
	              const uint8_t *in, size_t *in_at, size_t in_size, uint8_t *out,
	              size_t *out_at, size_t out_size);
};

static int unpack_xz(const char *data, size_t length, char *to, size_t size, struct hp_error *err)
{
	static const struct hp_symbol symbols[] = {
	    {"lzma_stream_buffer_decode", offsetof(struct lzma, decode)}};
	struct lzma lzma;
	uint64_t limit = UINT64_MAX; // of the dictionary: the result has a limit of its own
	size_t in = 0, out = 0;
	int code = hp_library_open("liblzma.so.5", symbols, HP_COUNT(symbols), &lzma, err);
	if (code)
		return code;
	code = lzma.decode(&limit, 0, NULL, (const uint8_t *)data, &in, length, (uint8_t *)to, &out,
	                   size);
	return code == 0 && out == size ? 0 : -EINVAL;
}

// -- zstd --

struct zstd {
	size_t (*decompress)(void *to, size_t size, const void *data, size_t length);
};

static int unpack_zstd(const char *data, size_t length, char *to, size_t size, struct hp_error *err)
{
	static const struct hp_symbol symbols[] = {
	    {"ZSTD_decompress", offsetof(struct zstd, decompress)}};
	struct zstd zstd;
	int code = hp_library_open("libzstd.so.1", symbols, HP_COUNT(symbols), &zstd, err);
	if (code)
		return code;
	return zstd.decompress(to, size, data, length) == size ? 0 : -EINVAL;
}

// -- lz4 --

struct lz4 {
	int (*decompress)(const char *data, char *to, int length, int size);
};

/* The legacy form, as the kernel's build packs: a mark, then blocks, each behind its length. */
static int unpack_lz4(const char *data, size_t length, char *to, size_t size, struct hp_error *err)
{
	static const struct hp_symbol symbols[] = {
	    {"LZ4_decompress_safe", offsetof(struct lz4, decompress)}};
	struct lz4 lz4;
	size_t at = 4, out = 0;
	int code = hp_library_open("liblz4.so.1", symbols, HP_COUNT(symbols), &lz4, err);
	while (!code && length - at >= 4) {
		const unsigned char *head = (const unsigned char *)data + at;
		uint32_t block = head[0] | head[1] << 8 | head[2] << 16 | (uint32_t)head[3] << 24;
		at += 4;
		int got = block <= length - at
		              ? lz4.decompress(data + at, to + out, (int)block, (int)(size - out))
		              : -1;
		if (got < 0)
			return -EINVAL;
		at += block;
		out += (size_t)got;
	}
	return code ? code : out == size ? 0 : -EINVAL;
}

// -- which --

static const struct packer {
	const char *name, *mark;
	size_t length;
	int (*unpack)(const char *data, size_t length, char *to, size_t size, struct hp_error *err);
} packers[] = {
    {"gzip", "\x1f\x8b", 2, unpack_gzip},
    {"xz", "\xfd\x37zXZ\0", 6, unpack_xz},
    {"zstd", "\x28\xb5\x2f\xfd", 4, unpack_zstd},
    {"lz4", "\x02\x21\x4c\x18", 4, unpack_lz4},
};

int hp_unpack(const char *data, size_t length, char *to, size_t size, struct hp_error *err)
{
	for (size_t i = 0; i < HP_COUNT(packers); i++) {
		const struct packer *packer = &packers[i];
		if (length < packer->length || memcmp(data, packer->mark, packer->length) != 0)
			continue;
		int code = packer->unpack(data, length, to, size, err);
		return code != -EINVAL ? code
		                       : hp_fail(err, code,
		                                 "what %s packed is damaged, or does not unpack "
		                                 "to the %zu bytes that it names",
		                                 packer->name, size);
	}
	return hp_fail(err, -EINVAL, "it is packed by none of gzip, xz, zstd and lz4");
}
