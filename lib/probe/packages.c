// The databases of package managers: pure parsers, and a walk over all that a host has.
// SPDX-License-Identifier: Apache-2.0
#include "probe/packages.h"
#include "probe/look.h"

#include "base/cleanup.h"

#include <string.h>

enum { DATABASE_LIMIT = 64 << 20, RPM_DEADLINE_MS = 5000 };

/* What stands behind "KEY: " in the stanza from `stanza` on; terminated in place. NULL without it.
 */
static char *field(char *stanza, const char *key)
{
	size_t length = strlen(key);
	for (char *line = stanza; *line; line = strchrnul(line, '\n'), line += *line == '\n')
		if (strncmp(line, key, length) == 0)
			return line + length;
	return NULL;
}

static void end_line(char *text)
{
	if (text)
		text[strcspn(text, "\n")] = '\0';
}

/* Cuts the next stanza, which an empty line ends; NULL at the end. */
static char *next_stanza(char **cursor)
{
	char *stanza = *cursor + strspn(*cursor, "\n");
	if (!*stanza)
		return NULL;
	char *end = strstr(stanza, "\n\n");
	*cursor = end ? end + 2 : stanza + strlen(stanza);
	if (end)
		*end = '\0';
	return stanza;
}

void hp_dpkg_read(char *text, hp_package_seen *seen, void *data)
{
	for (char *stanza; (stanza = next_stanza(&text));) {
		char *name = field(stanza, "Package: "), *status = field(stanza, "Status: "),
		     *version = field(stanza, "Version: ");
		end_line(name);
		end_line(status);
		end_line(version);
		// "install ok half-configured" and its like are there too; "deinstall ok
		// config-files" is not.
		if (name && version && status && hp_ends_with(status, " installed"))
			seen(data, name, version, "/var/lib/dpkg/status");
	}
}

void hp_dpkg_held(const char *text, struct hp_text *ret)
{
	static const char mark[] = "\nStatus: hold ", name[] = "Package: ";
	for (const char *at = text; (at = strstr(at, mark)); at++) {
		// The name stands above, mostly in the line before.
		const char *line = at;
		while (line > text && strncmp(line, name, strlen(name)) != 0 &&
		       !(line[0] == '\n' && line[1] == '\n'))
			line--;
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		line += strlen(name);
		hp_text_printf(ret, "%s%.*s", ret->length ? " " : "", (int)strcspn(line, "\n"),
		               line);
	}
}

void hp_apk_read(char *text, hp_package_seen *seen, void *data)
{
	for (char *stanza; (stanza = next_stanza(&text));) {
		char *name = field(stanza, "P:"), *version = field(stanza, "V:");
		end_line(name);
		end_line(version);
		if (name && version)
			seen(data, name, version, "/lib/apk/db/installed");
	}
}

bool hp_pacman_split(char *name, char **ret_version)
{
	char *release = strrchr(name, '-');
	if (!release || release == name)
		return false;
	*release = '\0';
	char *version = strrchr(name, '-');
	*release = '-';
	if (!version || version == name)
		return false;
	*version = '\0';
	*ret_version = version + 1;
	return true;
}

void hp_rpm_read(char *text, hp_package_seen *seen, void *data)
{
	for (char *line; (line = hp_next_line(&text));) {
		char *name = hp_next_word(&line), *version = name ? hp_next_word(&line) : NULL;
		if (version)
			seen(data, name, version, "rpm");
	}
}

static bool walk_text(struct hp_host *host, struct hp_facts *facts, const char *path,
                      void (*read)(char *, hp_package_seen *, void *), hp_package_seen *seen,
                      void *data)
{
	hp_cleanup_text struct hp_text text = {0};
	// Megabytes, of which a few lines are kept: those who keep them see to their being text.
	int r = hp_host_read_text(host, path, DATABASE_LIMIT, &text);
	if (hp_look_result(host, facts, path, r) != HP_LOOK_SEEN || !text.data)
		return false;
	read(text.data, seen, data);
	return true;
}

static bool walk_pacman(struct hp_host *host, struct hp_facts *facts, hp_package_seen *seen,
                        void *data)
{
	static const char path[] = "/var/lib/pacman/local";
	hp_cleanup_names struct hp_names names = {0};
	if (hp_look_list(host, facts, path, &names) != HP_LOOK_SEEN)
		return false;
	char *version;
	for (size_t i = 0; i < names.count; i++)
		if (hp_pacman_split(names.names[i], &version))
			seen(data, names.names[i], version, path);
	return true;
}

/* RPM's database is RPM's to read. What it said is remembered for as long as the database is the
 * same. */
static bool walk_rpm(struct hp_host *host, struct hp_facts *facts, hp_package_seen *seen,
                     void *data)
{
	static const char *const databases[] = {
	    "/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite",
	    "/var/lib/rpm/Packages.db", "/var/lib/rpm/Packages"};
	static const char *const argv[] = {"/usr/bin/rpm", "-qa", "--qf",
	                                   "%{NAME} %{VERSION}-%{RELEASE}\\n", NULL};
	const char *database = NULL;
	for (size_t i = 0; i < HP_COUNT(databases) && !database; i++)
		if (hp_host_exists(host, databases[i]) > 0)
			database = databases[i];
	if (!database)
		return false;
	hp_cleanup_text struct hp_text text = {0};
	int r =
	    hp_host_run_remembered(host, database, argv, RPM_DEADLINE_MS, DATABASE_LIMIT, &text);
	if (r != 0 || !text.data) {
		hp_facts_gap(facts, "missing-tool", database,
		             "rpm could not be asked for its packages");
		return false;
	}
	hp_rpm_read(text.data, seen, data);
	return true;
}

bool hp_packages_walk(struct hp_host *host, struct hp_facts *facts, hp_package_seen *seen,
                      void *data)
{
	bool any = walk_text(host, facts, "/var/lib/dpkg/status", hp_dpkg_read, seen, data);
	any = walk_text(host, facts, "/lib/apk/db/installed", hp_apk_read, seen, data) || any;
	any = walk_pacman(host, facts, seen, data) || any;
	return walk_rpm(host, facts, seen, data) || any;
}
