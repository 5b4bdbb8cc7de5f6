/* SPDX-License-Identifier: Apache-2.0 */
/* What params.c, texts.c and the host share. */
#ifndef PROGRAMME_PARAMS_IMPL_H
#define PROGRAMME_PARAMS_IMPL_H

#include "programme/host.h"

#define PARAMS_MAX 32 /* a script: a form longer than that nobody fills in */
#define PARAMS_CHOICES_MAX 32
#define PARAMS_WORDS_MAX 1000 /* articles of one campaign, categories of one shop */
#define PARAMS_TEXT_MAX 200
#define PARAMS_CODE_MAX 64
#define PARAMS_WEIGHT_MAX 10000 /* a hundred times, in hundredths */
#define TEXTS_MAX 32            /* languages */

/* "integer", "money", ... in the order of enum param_type, NULL at the end. */
extern const char *const params_type_words[];

/* Checks the member named as the parameter, which is there, and writes it in its canonical form
 * under `name` (NULL: the bare value). Faults are the reader's. */
void params_write(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name);

/* 1 to PARAMS_CODE_MAX of a-z 0-9 - _ */
bool params_is_code(struct str code);

/* "nl" or "nl-BE". */
bool texts_is_language(struct str language);
/* Puts them in the order of their languages. */
void texts_sort(struct local_text *list, size_t count);
/* A copy of all of them in the arena; false: no memory. */
bool texts_copy(const struct texts *from, struct arena *arena, struct texts *ret);
void texts_json(const struct texts *texts, struct json_out *out, const char *name);

#endif
