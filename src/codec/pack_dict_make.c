/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the tables that stand in front of a dictionary's text (pack_dict.c), from samples of what
 * will be packed with it. Not part of the program; run once for each new dictionary:
 *
 *   pack_dict_make NUMBER TEXT-FILE SAMPLE-FILE...
 *
 * prints the tables as a C string. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zdict.h>

#include "codec/pack_impl.h"

#define SAMPLES_MAX (64 << 20)
#define DICT_MAX (112 << 10)

/* Adds a file to *bytes; the program ends if it cannot. */
static size_t add_file(const char *path, char *bytes, size_t max)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	size_t len = fread(bytes, 1, max, file);
	fclose(file);
	return len;
}

static void print_octal(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%s\\%03o%s", i % 20 == 0 ? "\t\"" : "", bytes[i],
			i % 20 == 19 || i + 1 == len ? "\"\n" : "");
}

int main(int argc, char **argv)
{
	static char samples[SAMPLES_MAX], text[DICT_MAX], dict[DICT_MAX];
	size_t used = 0, *sizes = calloc((size_t)argc, sizeof *sizes);
	if (argc < 4 || !sizes)
		return 2;
	size_t text_len = add_file(argv[2], text, sizeof text);
	for (int i = 3; i < argc; i++) {
		sizes[i - 3] = add_file(argv[i], samples + used, sizeof samples - used);
		used += sizes[i - 3];
	}
	ZDICT_params_t params = { PACK_LEVEL, 1, (unsigned)strtoul(argv[1], NULL, 10) };
	size_t len = ZDICT_finalizeDictionary(dict, sizeof dict, text, text_len, samples, sizes,
		(unsigned)argc - 3, params);
	if (ZDICT_isError(len) || len <= text_len)
		return 1;
	print_octal((const unsigned char *)dict, len - text_len);
	return 0;
}
