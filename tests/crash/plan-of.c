// Prints a plan of one step on this host: `plan-of KIND SUBJECT WORD`. For kinds that no goal alone
// asks for. SPDX-License-Identifier: Apache-2.0
#include "step/kinds.h"

#include <stdio.h>

static int make_step(struct hp_host *host, char **words, struct hp_step *ret, struct hp_error *err)
{
	const struct hp_kind *kind = hp_kind_find(words[0], err);
	if (!kind)
		return err->code;
	*ret = (struct hp_step){.kind = kind, .subject = hp_strdup(words[1])};
	int r = kind->read(host, words[1], &ret->before, err);
	if (r == 0)
		r = kind->want(host, words[1], words[2], ret->before, &ret->after, err);
	return r;
}

static int print_plan(struct hp_host *host, char **words, struct hp_error *err)
{
	struct hp_step step = {0};
	int r = make_step(host, words, &step, err);
	if (r == 0) {
		json_t *plan = json_pack("{s:s, s:[o]}", "schema", "happypath.plan/1", "steps",
		                         hp_step_json(&step));
		json_dumpf(plan, stdout, 0);
		json_decref(plan);
	}
	hp_step_finish(&step);
	return r;
}

int main(int argc, char **argv)
{
	static const struct hp_host_options options = {.level = 2};
	struct hp_host *host = NULL;
	struct hp_error err = {0};
	if (argc != 4)
		return 2;
	int r = hp_host_open_live(&options, &host, &err);
	if (r == 0)
		r = print_plan(host, argv + 1, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.message);
	hp_host_close(host);
	return r < 0;
}
