// The kernel's command line, as the next boot will have it. SPDX-License-Identifier: Apache-2.0
//
// Subject: "" (or "kernel"). Words, separated by blanks: "+intel_iommu=on" adds,
// "-pcie_acs_override" takes it away with any value, "-iommu=pt" with just that. State: cmdline.h;
// the files are those that the bootloader's tools make its configuration from, and "next" is what
// they made of them: reading back proves that the next boot has it, not that somebody asked for it.
//
// The files are put back byte for byte. Of a line that a tool makes of them (GRUB's), only the
// words are ours that the files ask for or asked for: the tool finds out the root file system's
// anew each time, and rightly so (an image built as /dev/vda1 has a UUID once it runs), and a word
// that nobody asks for goes when it is built anew, by whomever. Such a word is named before, and
// needs consent.
#include "step/cmdline.h"

#include "base/cleanup.h"
#include "host/boot.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

static const struct hp_cmdline_loader *const loaders[] = {
    &hp_cmdline_proxmox,
    &hp_cmdline_bls,
    &hp_cmdline_grub,
};

static const struct hp_cmdline_loader *loader_of(struct hp_host *host, const char *bootloader)
{
	for (size_t i = 0; bootloader && i < HP_COUNT(loaders); i++)
		if (loaders[i]->boots(host, bootloader))
			return loaders[i];
	return NULL;
}

static const struct hp_cmdline_loader *loader_named(const json_t *state)
{
	for (size_t i = 0; i < HP_COUNT(loaders); i++)
		if (strcmp(loaders[i]->name, hp_state_text(state, "loader")) == 0)
			return loaders[i];
	return NULL;
}

// == words

static void free_change(struct hp_cmdline_change *change)
{
	free(change->words);
	free(change->add);
	free(change->take);
}

#define cleanup_change __attribute__((cleanup(free_change)))

/* What the root file system is, and how it is mounted: what takes it away is nobody's fix, and
 * grub-mkconfig finds it out by itself. */
static const char *const of_root[] = {"root", "rootfstype", "rootflags", "ro", "rw"};

static bool is_of_root(const char *word)
{
	size_t key = strcspn(word, "=");
	for (size_t i = 0; i < HP_COUNT(of_root); i++)
		if (strlen(of_root[i]) == key && strncmp(word, of_root[i], key) == 0)
			return true;
	return false;
}

static const char *fault(const char *word)
{
	if (*word != '+' && *word != '-')
		return "expected '+' or '-' before it";
	for (const char *at = ++word; *at; at++)
		if (!isgraph((unsigned char)*at) || strchr("\"'`$\\;|&<>{}", *at))
			return "quotes, what shells and GRUB's scripts read as more than a letter, "
			       "and what is not ASCII cannot be written safely";
	if (*word == '#')
		return "it would begin a comment";
	if (is_of_root(word) || hp_starts_with(word, "init="))
		return "without its root file system the host does not boot";
	return *word && *word != '=' ? NULL : "expected an option";
}

static int parse_change(const char *text, struct hp_cmdline_change *ret, struct hp_error *err)
{
	size_t count = strlen(text) / 2 + 1;
	ret->words = hp_strdup(text);
	ret->add = hp_calloc(count, sizeof(*ret->add));
	ret->take = hp_calloc(count, sizeof(*ret->take));
	char *cursor = ret->words;
	for (char *word; (word = hp_next_word(&cursor));) {
		const char *why = fault(word);
		if (why)
			return hp_fail(err, -EINVAL,
			               "kernel-cmdline: '%s': %s, as in "
			               "'+intel_iommu=on -pcie_acs_override'",
			               word, why);
		if (*word == '+')
			ret->add[ret->add_count++] = word + 1;
		else
			ret->take[ret->take_count++] = word + 1;
	}
	if (!ret->add_count && !ret->take_count)
		return hp_fail(err, -EINVAL,
		               "kernel-cmdline: expected words such as "
		               "'+intel_iommu=on -pcie_acs_override'");
	return 0;
}

// == files

int hp_cmdline_add_file(struct hp_host *host, json_t *state, const char *path, bool even_absent,
                        struct hp_error *err)
{
	json_t *file = NULL;
	int r = hp_edit_read(host, path, &file, err);
	if (r < 0)
		return r;
	if (even_absent || hp_state_has_file(file))
		json_object_set(json_object_get(state, "files"), path, file);
	json_decref(file);
	return 0;
}

const char *hp_cmdline_file(const json_t *state, const char *path)
{
	return hp_edit_content(json_object_get(json_object_get(state, "files"), path));
}

void hp_cmdline_set_file(json_t *state, const char *path, const char *content)
{
	json_t *files = json_object_get(state, "files");
	json_object_set_new(files, path, hp_edit_with(json_object_get(files, path), content));
}

// == the kind

static int check_subject(const char *subject, struct hp_error *err)
{
	if (!*subject || strcmp(subject, "kernel") == 0)
		return 0;
	return hp_fail(err, -EINVAL, "kernel-cmdline: '%s': a host has one, so no subject is named",
	               subject);
}

static int read_cmdline(struct hp_host *host, const char *subject, json_t **ret,
                        struct hp_error *err)
{
	const char *bootloader = hp_bootloader(host);
	const struct hp_cmdline_loader *loader = loader_of(host, bootloader);
	int r = check_subject(subject, err);
	if (r < 0)
		return r;
	json_t *state = json_pack("{s:s, s:{}, s:n}", "loader",
	                          loader       ? loader->name
	                          : bootloader ? bootloader
	                                       : "unknown",
	                          "files", "next");
	r = loader ? loader->read(host, state, err) : 0;
	if (r < 0)
		json_decref(state);
	else
		*ret = state;
	return r;
}

static int want_cmdline(struct hp_host *host, const char *subject, const char *word,
                        const json_t *before, json_t **ret, struct hp_error *err)
{
	cleanup_change struct hp_cmdline_change change = {0};
	int r = check_subject(subject, err);
	if (r == 0)
		r = parse_change(word, &change, err);
	if (r == 0)
		r = hp_cmdline_refuse(host, hp_state_text(before, "loader"), &change, err);
	if (r < 0)
		return r;
	const struct hp_cmdline_loader *loader = loader_named(before);
	if (!loader)
		return hp_fail(err, -EOPNOTSUPP,
		               "kernel-cmdline: nothing here tells how this host "
		               "boots: add the words where its bootloader reads "
		               "them");
	json_t *after = hp_state_copy(before);
	r = loader->want(host, &change, after, err);
	if (r < 0)
		json_decref(after);
	else
		*ret = after;
	return r;
}

/* What the configuration has though no file asks for it, before or after: building it anew takes it
 * away. GRUB's own variables ($vt_handoff) come back. */
static void name_strays(const char *words, const json_t *before, const json_t *after,
                        const char *subject, struct hp_obstacles *ret)
{
	hp_cleanup_free char *copy = hp_strdup(words);
	char *cursor = copy;
	for (char *word; (word = hp_next_word(&cursor));)
		if (*word != '$' && !is_of_root(word) &&
		    !hp_has_word(hp_state_text(before, "configured"), word) &&
		    !hp_has_word(hp_state_text(after, "configured"), word))
			hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, subject,
			                 "the bootloader's configuration has %s, which none of "
			                 "the files asks for that it is made from: built anew, "
			                 "it will be without",
			                 word);
}

static int cmdline_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                             const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	(void)err;
	hp_cleanup_boot_next struct hp_boot_next next = {0};
	json_t *files = json_object_get(after, "files"), *file;
	const char *path;
	bool built = json_is_string(json_object_get(after, "configured")) &&
	             json_is_string(json_object_get(after, "next"));
	if (built && hp_boot_next(host, &next))
		name_strays(next.entry.cmdline, before, after, subject, ret);
	json_object_foreach(files, path, file) hp_edit_obstacles(
	    host, path, json_object_get(json_object_get(before, "files"), path), file, ret);
	return 0;
}

/* All that this kind may touch, whatever a plan or a journal names. */
static const char *const sources[] = {
    "/etc/default/grub",
    "/etc/default/grub.d/*.cfg",
    "/etc/kernel/cmdline",
};

static int check_files(json_t *files, struct hp_error *err)
{
	const char *path;
	json_t *file;
	json_object_foreach(files, path, file)
	{
		bool known = json_is_object(file);
		size_t i = 0;
		while (i < HP_COUNT(sources) &&
		       fnmatch(sources[i], path, FNM_PATHNAME | FNM_PERIOD) != 0)
			i++;
		if (!known || i == HP_COUNT(sources))
			return hp_fail(err, -EINVAL,
			               "kernel-cmdline: %s is no file of a bootloader's words",
			               path);
	}
	return 0;
}

static int write_cmdline(struct hp_host *host, const char *subject, const json_t *before,
                         const json_t *after, struct hp_error *err)
{
	const struct hp_cmdline_loader *loader = loader_named(after);
	json_t *files = json_object_get(after, "files"), *file;
	const char *path;
	int r = check_subject(subject, err);
	if (r == 0 && !loader)
		r = hp_fail(err, -EINVAL, "kernel-cmdline: no state to bring about");
	if (r == 0)
		r = check_files(files, err);
	json_object_foreach(files, path, file)
	{
		if (r == 0)
			r = hp_edit_write(host, path, file, err);
	}
	return r < 0 ? r : loader->write(host, before, after, err);
}

static bool all_in(const char *words, const char *list)
{
	hp_cleanup_free char *copy = hp_strdup(words);
	char *cursor = copy;
	for (char *word; (word = hp_next_word(&cursor));)
		if (!hp_has_word(list, word))
			return false;
	return true;
}

/* Whether no word is there that somebody took away. */
static bool none_beyond(const char *words, const char *next, const char *configured)
{
	hp_cleanup_free char *copy = hp_strdup(words);
	char *cursor = copy;
	for (char *word; (word = hp_next_word(&cursor));)
		if (!hp_has_word(next, word) && !hp_has_word(configured, word) && !is_of_root(word))
			return false;
	return true;
}

bool hp_cmdline_kept(const json_t *wanted, const json_t *found)
{
	const char *configured = json_string_value(json_object_get(wanted, "configured"));
	const char *next = json_string_value(json_object_get(wanted, "next"));
	const char *is = json_string_value(json_object_get(found, "next"));
	if (!is || (next && strcmp(is, next) == 0))
		return !is == !next;
	if (!configured) // what happypath writes itself
		return next && all_in(next, is) && all_in(is, next);
	return all_in(configured, is) && (!next || none_beyond(is, next, configured));
}

/* A configuration that was older than what it is made from is as good when it is not. */
static bool same_cmdline(const char *subject HP_UNUSED, const json_t *wanted, const json_t *found,
                         struct hp_text *ret_note)
{
	static const char *const members[] = {"loader", "files", "configured", "kernelopts"};
	for (size_t i = 0; i < HP_COUNT(members); i++)
		if (!json_equal(json_object_get(wanted, members[i]),
		                json_object_get(found, members[i])) &&
		    (json_object_get(wanted, members[i]) || json_object_get(found, members[i])))
			return false;
	if (!hp_cmdline_kept(wanted, found))
		return false;
	if (ret_note &&
	    !json_equal(json_object_get(wanted, "next"), json_object_get(found, "next")))
		hp_text_puts(ret_note,
		             "the bootloader's configuration was built anew: the next "
		             "boot's words differ from those before in order, in what had "
		             "been asked for already, in what nobody asked for, or in how "
		             "they name the root file system\n");
	return true;
}

static void tell_cmdline(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	const char *next = hp_state_text(state, "next");
	const char *words = *next ? next : hp_state_text(state, "configured");
	hp_text_puts(ret, *words ? words : "nothing");
	if (*hp_state_text(state, "kernelopts"))
		hp_text_printf(ret, " ($kernelopts: %s)", hp_state_text(state, "kernelopts"));
}

const struct hp_kind hp_kind_kernel_cmdline = {
    .name = "kernel-cmdline",
    .help = "options of the kernel, where the bootloader that boots this host reads them",
    .effect = HP_EFFECT_REBOOT,
    .undo = HP_UNDO_EQUIVALENT,
    .differs = "the bootloader's configuration is built anew from the files that were put back",
    .lasts = true,
    .read = read_cmdline,
    .want = want_cmdline,
    .obstacles = cmdline_obstacles,
    .write = write_cmdline,
    .same = same_cmdline,
    .tell = tell_cmdline,
};
