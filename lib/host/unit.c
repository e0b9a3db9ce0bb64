// Units of systemd, as files tell of them. SPDX-License-Identifier: Apache-2.0
#include "host/unit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

// The administrator's come first: the first file found is the unit.
static const char *const unit_directories[] = {
    "/etc/systemd/system",     "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system", "/run/current-system/sw/lib/systemd/system",
};

#define NOT_ALL_SEEN (1u << HP_COUNT(unit_directories))

bool hp_unit_installs(const char *text)
{
	return strstr(text, "\n[Install]") || hp_starts_with(text, "[Install]");
}

unsigned hp_unit_places(struct hp_host *host)
{
	/* What a copy of files does not hold of a directory it holds of no file below it. */
	bool copy = hp_host_kind(host) == HP_HOST_ROOT;
	unsigned places = 0;
	for (size_t i = 0; i < HP_COUNT(unit_directories); i++) {
		int exists = hp_host_exists(host, unit_directories[i]);
		if (copy && exists == -ENODATA)
			places |= NOT_ALL_SEEN;
		else if (exists != 0)
			places |= 1u << i;
	}
	return places;
}

char *hp_unit_file(struct hp_host *host, unsigned places, const char *unit, bool *ret_seen)
{
	char target[256];
	*ret_seen = *ret_seen && !(places & NOT_ALL_SEEN);
	for (size_t i = 0; i < HP_COUNT(unit_directories); i++) {
		if (!(places & 1u << i))
			continue;
		char *path = hp_asprintf("%s/%s", unit_directories[i], unit);
		// Also a link to /dev/null, which no stat through it would tell from the device.
		if (hp_host_link(host, path, target, sizeof(target)) > 0)
			return path;
		int exists = hp_host_exists(host, path);
		if (exists > 0)
			return path;
		*ret_seen = *ret_seen && exists == 0;
		free(path);
	}
	return NULL;
}

void hp_units_wanted(struct hp_host *host, struct hp_text *ret)
{
	static const char *const directories[] = {"/etc/systemd/system",
	                                          "/run/systemd/generator.late"};
	for (size_t i = 0; i < HP_COUNT(directories); i++) {
		hp_cleanup_names struct hp_names names = {0};
		hp_host_list(host, directories[i], &names);
		for (size_t k = 0; k < names.count; k++) {
			hp_cleanup_names struct hp_names links = {0};
			hp_cleanup_free char *path =
			    hp_asprintf("%s/%s", directories[i], names.names[k]);
			if (!hp_ends_with(path, ".wants") && !hp_ends_with(path, ".requires"))
				continue;
			hp_host_list(host, path, &links);
			for (size_t n = 0; n < links.count; n++)
				hp_text_printf(ret, "%s ", links.names[n]);
		}
	}
}

const char *hp_unit_enabled(struct hp_host *host, const char *unit, const char *file,
                            const char *wanted, int *ret_code)
{
	char target[256];
	hp_cleanup_text struct hp_text text = {0};
	if (hp_host_link(host, file, target, sizeof(target)) > 0) {
		if (strcmp(target, "/dev/null") == 0)
			return "masked";
		// An alias, as display-manager is one: it is there because it was enabled.
		const char *suffix = strrchr(unit, '.');
		hp_cleanup_free char *name =
		    hp_strndup(unit, suffix ? (size_t)(suffix - unit) : strlen(unit));
		if (hp_starts_with(file, "/etc/systemd/system/") && !strstr(target, name))
			return "enabled";
	}
	if (hp_has_word(wanted, unit))
		return "enabled";
	*ret_code = hp_host_read_text(host, file, 65536, &text);
	if (*ret_code < 0)
		return NULL;
	return hp_unit_installs(hp_text_get(&text)) ? "disabled" : "static";
}

/* 1, 0, or -1 where the directory cannot be listed. */
static int is_listed(struct hp_host *host, const char *directory, const char *name)
{
	hp_cleanup_names struct hp_names names = {0};
	int found = 0;
	if (hp_host_list(host, directory, &names) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		found = found || strcmp(names.names[i], name) == 0;
	return found;
}

int hp_unit_active(struct hp_host *host, const char *unit)
{
	char target[256];
	hp_cleanup_free char *link = hp_asprintf("/run/systemd/units/invocation:%s", unit);
	ssize_t r = hp_host_link(host, link, target, sizeof(target));
	if (r > 0)
		return 1;
	if (r == -ENODATA) // a capture that knows the names alone
		return is_listed(host, "/run/systemd/units", strrchr(link, '/') + 1);
	return hp_host_exists(host, "/run/systemd/units") > 0 ? 0 : -1;
}

char *hp_unit_name(struct hp_host *host, const char *file, const char *unit)
{
	char target[256];
	const char *suffix = strrchr(unit, '.');
	if (!file || !suffix || hp_host_link_name(host, file, target, sizeof(target)) <= 0 ||
	    !hp_ends_with(target, suffix))
		return hp_strdup(unit);
	return hp_strdup(target);
}
