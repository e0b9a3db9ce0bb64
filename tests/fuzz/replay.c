// Runs a fuzz target without a fuzzer: every seed as it is, then a fixed number of mutations of the
// seeds, always the same ones. `target SEEDS_DIRECTORY [MUTATIONS]`. SPDX-License-Identifier:
// Apache-2.0
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (1 << 16)

struct seed {
	uint8_t data[LIMIT];
	size_t size;
};

static uint64_t state = 88172645463325252u;

/* xorshift64 (Marsaglia, 2003): the same numbers in each run. */
static size_t draw(size_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (size_t)(state % below) : 0;
}

static size_t load_seeds(const char *directory, struct seed **ret)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);
	size_t seeds = 0;
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		FILE *file = entries[i]->d_name[0] == '.' ? NULL : fopen(path, "rb");
		free(entries[i]);
		if (!file)
			continue;
		*ret = realloc(*ret, (seeds + 1) * sizeof(**ret));
		(*ret)[seeds].size = fread((*ret)[seeds].data, 1, LIMIT, file);
		fclose(file);
		seeds++;
	}
	if (count >= 0)
		free(entries);
	return seeds;
}

static void mutate(struct seed *input, const struct seed *seeds, size_t count)
{
	static const char *const words[] = {"-1",   "99999999999999999999",
	                                    "\"",   "{",
	                                    "[",    "\\u0000",
	                                    "\n",   "..",
	                                    "\xff", "%s%n",
	                                    "/",    ",",
	                                    ":",    "null",
	                                    "]",    "}"};
	for (size_t rounds = 1 + draw(8); rounds; rounds--) {
		size_t at = draw(input->size + 1);
		switch (draw(6)) {
		case 0: // flip a byte
			if (at < input->size)
				input->data[at] = (uint8_t)draw(256);
			break;
		case 1: // cut the end
			input->size = at;
			break;
		case 2: { // take out a piece
			size_t length = draw(input->size - at + 1);
			memmove(input->data + at, input->data + at + length,
			        input->size - at - length);
			input->size -= length;
			break;
		}
		case 3: { // double a piece
			size_t length = draw(input->size - at + 1);
			if (input->size + length <= LIMIT) {
				memmove(input->data + at + length, input->data + at,
				        input->size - at);
				input->size += length;
			}
			break;
		}
		case 4: { // put in a word
			const char *word = words[draw(sizeof(words) / sizeof(words[0]))];
			size_t length = strlen(word);
			if (input->size + length <= LIMIT) {
				memmove(input->data + at + length, input->data + at,
				        input->size - at);
				memcpy(input->data + at, word, length);
				input->size += length;
			}
			break;
		}
		default: { // end with the end of another seed
			const struct seed *other = &seeds[draw(count)];
			size_t from = draw(other->size + 1), length = other->size - from;
			if (at + length <= LIMIT) {
				memcpy(input->data + at, other->data + from, length);
				input->size = at + length;
			}
		}
		}
	}
}

/* A copy of its exact size, so that the sanitizer sees a read beyond its end. */
static void run(const struct seed *input)
{
	uint8_t *copy = malloc(input->size ? input->size : 1);
	memcpy(copy, input->data, input->size);
	LLVMFuzzerTestOneInput(copy, input->size);
	free(copy);
}

int main(int argc, char **argv)
{
	struct seed *seeds = NULL;
	size_t count = argc > 1 ? load_seeds(argv[1], &seeds) : 0;
	if (!count) {
		fprintf(stderr, "no seeds in %s\n", argc > 1 ? argv[1] : "(no directory given)");
		return 1;
	}
	size_t mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
	for (size_t i = 0; i < count; i++)
		run(&seeds[i]);
	struct seed *input = malloc(sizeof(*input));
	for (size_t i = 0; i < mutations; i++) {
		*input = seeds[draw(count)];
		mutate(input, seeds, count);
		run(input);
	}
	printf("figures: %zu seeds, %zu mutations\n", count, mutations);
	free(input);
	free(seeds);
	return 0;
}
