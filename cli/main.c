// happypath VERB: finds the verb in commands[] and runs it. SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

int main(void)
{
	puts("happypath");
	return 0;
}
