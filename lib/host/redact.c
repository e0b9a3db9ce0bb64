// Finding secrets and replacing them. SPDX-License-Identifier: Apache-2.0
#include "host/redact.h"

#include "base/cleanup.h"
#include "host/arguments.h"
#include "host/record.h"
#include "host/redactor.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* GUIDs that are the same on every machine: names of EFI variables that probes look for. */
static const char *const public_uuids[] = {
    "8be4df61-93ca-11d2-aa0d-00e098032b8c", // EFI global variables (UEFI specification 2.10, 3.3)
    "d719b2cb-3d3a-4596-a3bc-dad00e67656f", // EFI image security database (32.6.1)
    "605dab50-e046-4300-abb6-3dd810dd8b23", // shim's variables
    "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", // systemd-boot's variables
    "00000000-0000-0000-0000-000000000000", // none
};

/* Files that are a secret as a whole. */
static const char *const secret_files[] = {
    "/sys/*/id/*_serial",
    "/sys/*/id/*_uuid",
    "/sys/*/id/*_asset_tag",
    "/sys/*/serial",
    "/sys/*/serial_number",
    "/sys/*/unique_id",
    "/sys/*/wwid",
    "/sys/*/node_desc",
    "/etc/machine-id",
    "/var/lib/dbus/machine-id",
    "/etc/hostname",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/domainname",
    "nodename",
};

/* Files of the kernel and of packages: versions with four numbers stand in them, and no addresses
 * of the network nor names of this host; replacing there would change what is judged. */
static const char *const public_files[] = {
    "/sys/*",          "/usr/*",         "/lib/*",
    "/var/lib/dpkg/*", "/var/lib/rpm/*", "/proc/driver/*",
    "/proc/modules",   "/proc/version",  "/proc/sys/kernel/osrelease",
    "/etc/os-release", "/etc/*-release", "/etc/debian_version",
    "/boot/*",         "release",        "machine",
    "modinfo *",       "cpuid.*",        "/*bin/*",
    "* --version",     "*-version",
};

/* Words behind which a secret stands: "Serial Number : 1234", password="…". */
static const char *const secret_keys[] = {
    "serial",    "serialnumber", "serial number", "serial_number", "serial no",
    "asset tag", "service tag",  "password",      "passwd",        "passphrase",
    "secret",    "token",        "auth",          "credential",    "credentials",
    "api_key",   "apikey",       "private_key",   "access_key",
};

/* Names that many machines have, and that stand in texts for other reasons. */
static const char *const common_names[] = {
    "localhost", "localdomain", "debian",     "ubuntu", "fedora", "centos",  "rhel",
    "arch",      "linux",       "host",       "root",   "server", "proxmox", "pve",
    "nixos",     "talos",       "kubernetes", "node",   "gpu",    "nvidia",  "intel",
    "none",      "unraid",      "harvester",  "qemu",   "kvm",    "amd",
};

static bool is_one_of(const char *const *patterns, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], path, 0) == 0)
			return true;
	return false;
}

static void make_key(uint8_t key[16])
{
	if (getrandom(key, 16, 0) != 16)
		abort(); // 16 bytes are never cut short (getrandom(2))
}

static bool read_key(const char *file, uint8_t key[16])
{
	hp_cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_mode & (S_IRWXG | S_IRWXO))
		return false;
	return read(fd, key, 16) == 16;
}

/* Whole or not at all: a rename puts it in place, and one that came first stays. */
static bool keep_key(const char *file, const uint8_t key[16])
{
	hp_cleanup_free char *directory = hp_strdup(file);
	char *slash = strrchr(directory, '/');
	if (slash && slash != directory) {
		*slash = '\0';
		if (mkdir(directory, 0755) < 0 && errno != EEXIST)
			return false;
	}
	hp_cleanup_free char *temporary = hp_asprintf("%s.%d.tmp", file, (int)getpid());
	hp_cleanup_fd int fd =
	    open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool kept = write(fd, key, 16) == 16 && fsync(fd) == 0 && link(temporary, file) == 0;
	unlink(temporary);
	return kept;
}

int hp_redactor_open(const char *key_file, struct hp_redactor **ret, struct hp_error *err)
{
	struct stat st;
	struct hp_redactor *redactor = hp_calloc(1, sizeof(*redactor));
	*ret = redactor;
	if (read_key(key_file, redactor->key))
		return 0;
	if (geteuid() == 0 && stat(key_file, &st) == 0) {
		hp_redactor_close(hp_steal(*ret));
		return hp_fail(err, -EPERM, "%s: expected 16 bytes that only root can read",
		               key_file);
	}
	make_key(redactor->key);
	if (!keep_key(key_file, redactor->key))
		read_key(key_file,
		         redactor->key); // another was faster, or the key serves this once
	return 0;
}

void hp_redactor_close(struct hp_redactor *redactor)
{
	if (!redactor)
		return;
	hp_names_free(&redactor->hosts);
	free(redactor);
}

void hp_redactor_add_host_name(struct hp_redactor *redactor, const char *name)
{
	hp_cleanup_free char *copy = hp_strdup(name);
	hp_trim(copy);
	copy[strcspn(copy, ".")] = '\0';
	if (strlen(copy) < 3)
		return;
	for (size_t i = 0; i < HP_COUNT(common_names); i++)
		if (strcasecmp(copy, common_names[i]) == 0)
			return;
	redactor->hosts.names = hp_realloc(
	    redactor->hosts.names, (redactor->hosts.count + 1) * sizeof(*redactor->hosts.names));
	redactor->hosts.names[redactor->hosts.count++] = hp_steal(copy);
}

/* The stream of numbers that a secret gives. Only its letters and digits count, in lower case, so
 * that one secret in two notations (a UUID, a MAC) gives one stream. */
struct stream {
	const struct hp_redactor *redactor;
	struct hp_text seed;
	uint64_t bits;
	unsigned left, round;
};

static void stream_open(struct stream *stream, const struct hp_redactor *redactor,
                        const char *secret, size_t length)
{
	*stream = (struct stream){.redactor = redactor};
	for (size_t i = 0; i < length; i++) {
		char c = (char)tolower((unsigned char)secret[i]);
		if (isalnum((unsigned char)c))
			hp_text_add(&stream->seed, &c, 1);
	}
	hp_text_add(&stream->seed, "", 1); // the round's place
}

static void stream_close(struct stream *stream)
{
	hp_text_free(&stream->seed);
}

/* A byte's worth: enough for one character, and its small bias hides nothing. */
static unsigned stream_next(struct stream *stream, unsigned below)
{
	if (!stream->left) {
		stream->seed.data[stream->seed.length - 1] = (char)stream->round++;
		stream->bits = hp_siphash(stream->redactor->key, (const uint8_t *)stream->seed.data,
		                          stream->seed.length);
		stream->left = 8;
	}
	unsigned value = stream->bits & 0xff;
	stream->bits >>= 8;
	stream->left--;
	return value % below;
}

/* Digits become digits, letters letters of their case, and the rest stays. */
static void put_word(const struct hp_redactor *redactor, const char *secret, size_t length,
                     struct hp_text *ret)
{
	struct stream stream;
	stream_open(&stream, redactor, secret, length);
	for (size_t i = 0; i < length; i++) {
		char c = secret[i];
		if (isdigit((unsigned char)c))
			c = (char)('0' + stream_next(&stream, 10));
		else if (islower((unsigned char)c))
			c = (char)('a' + stream_next(&stream, 26));
		else if (isupper((unsigned char)c))
			c = (char)('A' + stream_next(&stream, 26));
		hp_text_add(ret, &c, 1);
	}
	stream_close(&stream);
}

/* Hexadecimal digits become such, in the case of the first letter. */
static void put_hex(const struct hp_redactor *redactor, const char *secret, size_t length,
                    struct hp_text *ret)
{
	bool upper = false;
	for (size_t i = 0; i < length; i++)
		upper = upper || isupper((unsigned char)secret[i]);
	struct stream stream;
	stream_open(&stream, redactor, secret, length);
	for (size_t i = 0; i < length; i++) {
		char c = secret[i];
		if (isxdigit((unsigned char)c))
			c = (upper ? "0123456789ABCDEF"
			           : "0123456789abcdef")[stream_next(&stream, 16)];
		hp_text_add(ret, &c, 1);
	}
	stream_close(&stream);
}

/* Numbers of an IPv4 address keep their length: 10-99 for two digits. */
static void put_ipv4(const struct hp_redactor *redactor, const char *secret, size_t length,
                     struct hp_text *ret)
{
	struct stream stream;
	stream_open(&stream, redactor, secret, length);
	for (size_t at = 0; at < length;) {
		size_t digits = strspn(secret + at, "0123456789");
		unsigned number = stream_next(&stream, 256);
		if (digits == 1)
			hp_text_printf(ret, "%u", number % 10);
		else if (digits == 2)
			hp_text_printf(ret, "%u", 10 + number % 90);
		else
			hp_text_printf(ret, "%u", 100 + number % 156);
		at += digits;
		if (at < length)
			hp_text_add(ret, secret + at++, 1);
	}
	stream_close(&stream);
}

/* Each of these tells how long the secret at `text` is, 0 if there is none. */

static size_t hex_run(const char *text)
{
	return strspn(text, "0123456789abcdefABCDEF");
}

static size_t uuid_at(const char *text)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	const char *at = text;
	for (size_t i = 0; i < HP_COUNT(groups); i++) {
		if (hex_run(at) != groups[i] || (i < 4 && at[groups[i]] != '-'))
			return 0;
		at += groups[i] + (i < 4);
	}
	for (size_t i = 0; i < HP_COUNT(public_uuids); i++)
		if (strncasecmp(text, public_uuids[i], 36) == 0)
			return 0;
	return 36;
}

/* Keys, digests, machine ids. */
static size_t long_hex_at(const char *text)
{
	size_t length = hex_run(text);
	return length >= 32 ? length : 0;
}

struct groups {
	size_t count, length, empty;
	bool twos, fours; // all of them have 2 (4) digits
};

static struct groups groups_at(const char *text, char separator)
{
	struct groups groups = {.twos = true, .fours = true};
	const char *at = text;
	for (;;) {
		size_t digits = hex_run(at);
		if (digits > 4)
			return (struct groups){0};
		if (groups.count && !digits && at[0] != separator && at[-1] == separator) {
			at--; // "aa:bb: text": the last separator is no part of it
			break;
		}
		groups.count++;
		groups.empty += digits == 0;
		groups.twos = groups.twos && digits == 2;
		groups.fours = groups.fours && digits == 4;
		at += digits;
		if (*at != separator)
			break;
		at++;
	}
	groups.length = (size_t)(at - text);
	return groups;
}

/* MAC and EUI-64 addresses, InfiniBand's GUIDs, IPv6 addresses. PCI addresses are neither. */
static size_t address_at(const char *text)
{
	struct groups dashes = groups_at(text, '-');
	if (dashes.twos && dashes.count >= 6)
		return dashes.length;
	struct groups colons = groups_at(text, ':');
	if (colons.twos && colons.count >= 6)
		return colons.length;
	if (colons.fours && colons.count == 4)
		return colons.length;
	bool full = colons.count == 8 && !colons.empty;
	bool shortened = colons.empty == 1 && colons.count >= 3 && colons.count <= 8;
	return full || shortened ? colons.length : 0;
}

static size_t ipv4_at(const char *text)
{
	const char *at = text;
	for (int i = 0; i < 4; i++) {
		size_t digits = strspn(at, "0123456789");
		if (digits < 1 || digits > 3 || atoi(at) > 255 || (i < 3 && at[digits] != '.'))
			return 0;
		at += digits + (i < 3);
	}
	bool harmless = hp_starts_with(text, "127.") || hp_starts_with(text, "0.") ||
	                hp_starts_with(text, "255.");
	bool more = *at == '.' && isdigit((unsigned char)at[1]);
	return harmless || more || *at == '-' || *at == '+' || *at == '~' ? 0 : (size_t)(at - text);
}

static bool ends_word(char c)
{
	return !isalnum((unsigned char)c);
}

static size_t host_at(const struct hp_redactor *redactor, const char *text)
{
	for (size_t i = 0; i < redactor->hosts.count; i++) {
		size_t length = strlen(redactor->hosts.names[i]);
		if (strncasecmp(text, redactor->hosts.names[i], length) != 0)
			continue;
		while (text[length] == '.' &&
		       isalnum((unsigned char)text[length + 1])) // its domain
			length +=
			    1 + strspn(text + length + 1, "abcdefghijklmnopqrstuvwxyz"
			                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
		if (ends_word(text[length]))
			return length;
	}
	return 0;
}

/* "https://user:password@registry.example/": all between the slashes. */
static size_t url_host_at(const char *text, const char *start)
{
	if (text - start < 3 || strncmp(text - 3, "://", 3) != 0 ||
	    hp_starts_with(text, "localhost"))
		return 0;
	return strcspn(text, "/ \t\n\"'?#<>)");
}

/* The secret behind a key: the gap to it goes to *ret_gap. */
static size_t keyed_at(const char *text, size_t *ret_gap)
{
	for (size_t i = 0; i < HP_COUNT(secret_keys); i++) {
		size_t length = strlen(secret_keys[i]);
		if (strncasecmp(text, secret_keys[i], length) != 0)
			continue;
		length += strspn(text + length, " \t\"'");
		if (text[length] != ':' && text[length] != '=')
			continue;
		length += 1 + strspn(text + length + 1, " \t\"'");
		size_t secret = strcspn(text + length, " \t\n\"',;");
		if (secret < 4 ||
		    hp_starts_with(text + length, "8250")) // "Serial: 8250/16550 driver"
			continue;
		*ret_gap = length;
		return secret;
	}
	return 0;
}

/* What is a secret by its shape, wherever it stands. */
static size_t shaped_at(const char *text)
{
	size_t length = uuid_at(text);
	if (!length)
		length = address_at(text);
	if (!length)
		length = long_hex_at(text);
	return length && ends_word(text[length]) ? length : 0;
}

/* Replaces what is at `at`, if it is a secret; how far it went. */
static size_t replace(const struct hp_redactor *redactor, bool is_public, const char *start,
                      const char *at, struct hp_text *ret)
{
	size_t gap = 0, length = shaped_at(at);
	if (length) {
		put_hex(redactor, at, length, ret);
		return length;
	}
	length = keyed_at(at, &gap);
	if (length) {
		hp_text_add(ret, at, gap);
		put_word(redactor, at + gap, length, ret);
		return gap + length;
	}
	if (is_public)
		return 0;
	length = ipv4_at(at);
	if (length && ends_word(at[length])) {
		put_ipv4(redactor, at, length, ret);
		return length;
	}
	length = url_host_at(at, start);
	if (!length)
		length = host_at(redactor, at);
	if (length)
		put_word(redactor, at, length, ret);
	return length;
}

/* Looks at every place where a word begins. `text` is terminated; NUL bytes inside are taken as
 * they are. */
static void scan(const struct hp_redactor *redactor, bool is_public, const char *text,
                 size_t length, struct hp_text *ret)
{
	for (size_t at = 0; at < length;) {
		bool starts = !at || ends_word(text[at - 1]);
		bool may = starts && (isalnum((unsigned char)text[at]) || text[at] == ':');
		size_t step = may ? replace(redactor, is_public, text, text + at, ret) : 0;
		if (!step) {
			hp_text_add(ret, text + at, 1);
			step = 1;
		}
		at += step;
	}
}

/* An argument that is on no list: hidden, but for what the scan will hide as it does elsewhere. */
static void put_argument(const struct hp_redactor *redactor, const char *secret, size_t length,
                         struct hp_text *ret)
{
	size_t done = 0;
	for (size_t at = 0; at < length; at++) {
		size_t shaped = !at || ends_word(secret[at - 1]) ? shaped_at(secret + at) : 0;
		if (!shaped || at + shaped > length)
			continue;
		put_word(redactor, secret + done, at - done, ret);
		hp_text_add(ret, secret + at, shaped);
		done = at + shaped;
		at = done - 1;
	}
	put_word(redactor, secret + done, length - done, ret);
}

void hp_redact_text(const struct hp_redactor *redactor, const char *path, const char *data,
                    size_t length, struct hp_text *ret)
{
	hp_text_add(ret, "", 0);
	if (is_one_of(secret_files, HP_COUNT(secret_files), path)) {
		put_word(redactor, data, length, ret);
		return;
	}
	bool is_public = is_one_of(public_files, HP_COUNT(public_files), path);
	hp_cleanup_text struct hp_text arguments = {0};
	if (hp_redact_arguments(redactor, path, data, length, put_argument, &arguments)) {
		data = hp_text_get(&arguments);
		length = arguments.length;
	}
	scan(redactor, is_public, data, length, ret);
}

char *hp_redact_path(const struct hp_redactor *redactor, const char *path)
{
	struct hp_text text = {0};
	scan(redactor, true, path, strlen(path), &text);
	return text.data ? text.data : hp_strdup("");
}

void hp_redact_config(const struct hp_redactor *redactor, uint8_t *bytes, size_t size)
{
	struct hp_span spans[HP_SPANS];
	size_t count = hp_config_secret(bytes, size, spans);
	for (size_t i = 0; i < count; i++) {
		uint8_t *secret = bytes + spans[i].offset;
		hp_cleanup_text struct hp_text hex = {0};
		for (size_t at = 0; at < spans[i].length; at++)
			hp_text_printf(&hex, "%02x", secret[at]);
		struct stream stream;
		stream_open(&stream, redactor, hex.data, hex.length);
		for (size_t at = 0; at < spans[i].length; at++)
			secret[at] = (uint8_t)stream_next(&stream, 256);
		stream_close(&stream);
	}
}
