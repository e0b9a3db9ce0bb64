// Words of a command line, told to a shell and read back. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/argv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {
    "program", "-name",   "guest=a",   "",          " ",     "a b",     "it's",    "''",
    "'",       "\"",      "$(id)",     "`id`",      "a\nb",  "\\",      "a\\'b",   "\t",
    "-",       "--",      "*?[a]",     "a;b&c|d>e", "~root", "a=b,c,d", "#x",      "{a,b}",
    "%s",      "\\\nabc", "é\xff\x01", "!x",        "\n",    "ends\\",  "-append", "a 'b' \"c\""};

static void test_read_back(void **state)
{
	hp_cleanup_argv struct hp_argv argv = {0}, found = {0};
	hp_cleanup_text struct hp_text text = {0};
	(void)state;
	for (size_t i = 0; i < HP_COUNT(words); i++)
		hp_argv_add(&argv, words[i]);
	hp_argv_text(&text, &argv);
	hp_argv_read(hp_text_get(&text), &found);
	assert_int_equal(found.count, HP_COUNT(words));
	for (size_t i = 0; i < HP_COUNT(words); i++)
		assert_string_equal(found.words[i], words[i]);
	assert_null(found.words[found.count]);
}

/* The shell is the judge. */
static void test_a_shell_reads_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < HP_COUNT(words); i++) {
		hp_cleanup_text struct hp_text command = {0};
		char said[64] = "";
		hp_text_puts(&command, "printf %s ");
		hp_shell_word(&command, words[i]);
		FILE *shell = popen(hp_text_get(&command), "r");
		assert_non_null(shell);
		said[fread(said, 1, sizeof(said) - 1, shell)] = '\0';
		assert_int_equal(pclose(shell), 0);
		assert_string_equal(said, words[i]);
	}
}

static void test_nothing(void **state)
{
	hp_cleanup_argv struct hp_argv found = {0};
	(void)state;
	hp_argv_read(" \n\t \\\n", &found);
	assert_int_equal(found.count, 0);
	hp_argv_read("'not closed", &found);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.words[0], "not closed");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read_back),
	    cmocka_unit_test(test_a_shell_reads_the_same),
	    cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
