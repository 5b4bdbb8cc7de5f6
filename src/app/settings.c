/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from flags, variables and a file, all from settings.def; and the help made of the same
 * list. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/num.h"

enum kind { TEXT, NUMBER, FLAG };
/* Where a value came from; the higher wins. */
enum source { FROM_DEFAULT, FROM_FILE, FROM_VARIABLE, FROM_FLAG };

static const struct setting {
	const char *name, *value, *arg, *commands, *text;
	enum kind kind;
	size_t offset;
} list[] = {
#define SETTING(name, kind, value, arg, commands, text) \
	{ #name, value, arg, commands, text, kind, offsetof(struct settings, name) },
#include "app/settings.def"
#undef SETTING
};
#define COUNT (sizeof(list) / sizeof(*list))

static const struct {
	const char *name, *args, *text;
} commands[] = {
#define COMMAND(name, function, fewest, most, args, text) { #name, args, text },
#include "app/commands.def"
#undef COMMAND
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

/* What a command's settings alone do not tell. */
static const struct {
	const char *name, *text;
} more_help[] = {
#define HELP(name, text) { #name, text },
#include "app/help.def"
#undef HELP
};

/* ---- help ---- */

static bool reads(const struct setting *setting, const char *word)
{
	struct str rest = str_of(setting->commands);

	if (strcmp(setting->commands, "*") == 0)
		return true;
	while (rest.len)
		if (str_is(str_cut(&rest, ' '), word))
			return true;
	return false;
}

static void print_flag(const struct setting *setting)
{
	char flag[64];
	int n = snprintf(flag, sizeof(flag), "--%s %s", setting->name, setting->arg);

	for (int i = 0; i < n; i++)
		if (flag[i] == '_')
			flag[i] = '-';
	printf("  %-26s %s", flag, setting->text);
	if (setting->value[0] && setting->kind != FLAG)
		printf(" (default %s)", setting->value);
	printf("\n");
}

static void help_all(void)
{
	printf("zegel %s: loyalty, receipts and consent for shops\n\nUsage: zegel COMMAND [settings]\n\n",
		ZEGEL_VERSION);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		char usage[64];
		snprintf(usage, sizeof(usage), "%s %s", commands[i].name, commands[i].args);
		printf("  %-34s %s\n", usage, commands[i].text);
	}
	printf("\nzegel help COMMAND shows a command's settings. Each can be a flag (--public-url X), a\n"
	       "variable (ZEGEL_PUBLIC_URL=X) or a line of the file --config names (public_url = X).\n"
	       "A newcomer starts with: zegel demo\n");
}

static void print_more(const char *word)
{
	for (size_t i = 0; i < sizeof(more_help) / sizeof(*more_help); i++)
		if (strcmp(more_help[i].name, word) == 0)
			printf("\n%s", more_help[i].text);
}

bool settings_help(const char *word)
{
	if (!word) {
		help_all();
		return true;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, word) != 0)
			continue;
		printf("zegel %s%s%s\n\n%s\n\n", commands[i].name, *commands[i].args ? " " : "",
			commands[i].args, commands[i].text);
		for (size_t k = 0; k < COUNT; k++)
			if (reads(&list[k], word))
				print_flag(&list[k]);
		print_more(word);
		return true;
	}
	return false;
}

/* ---- reading ---- */

struct reading {
	struct settings *to;
	enum source from[COUNT];
};

static void assign(struct reading *r, size_t n, const char *value, enum source source,
	int64_t number)
{
	char *field = (char *)r->to + list[n].offset;

	if (source < r->from[n])
		return;
	r->from[n] = source;
	if (list[n].kind == TEXT)
		*(const char **)field = value;
	else if (list[n].kind == NUMBER)
		*(int64_t *)field = number;
	else
		*(bool *)field = number != 0;
}

static bool set(struct reading *r, size_t n, const char *value, enum source source,
	const char *where)
{
	int64_t number = 1;

	if (list[n].kind == NUMBER && !num_parse_range(str_of(value), 0, 1000000000, &number)) {
		fprintf(stderr, "zegel: %s needs a number, not \"%s\"\n", where, value);
		return false;
	}
	if (list[n].kind == FLAG)
		number =
			value && value[0] && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
	assign(r, n, value, source, number);
	return true;
}

/* The setting of that name, with '-' read as '_'; COUNT: there is none. */
static size_t find(struct str name)
{
	for (size_t n = 0; n < COUNT; n++) {
		size_t i = 0;
		if (strlen(list[n].name) != name.len)
			continue;
		while (i < name.len &&
			(name.ptr[i] == list[n].name[i] ||
				(name.ptr[i] == '-' && list[n].name[i] == '_')))
			i++;
		if (i == name.len)
			return n;
	}
	return COUNT;
}

static bool read_variables(struct reading *r)
{
	for (size_t n = 0; n < COUNT; n++) {
		char name[64] = "ZEGEL_";
		const char *value;
		for (size_t i = 0; list[n].name[i] && i < sizeof(name) - 8; i++) {
			name[6 + i] = (char)toupper((unsigned char)list[n].name[i]);
			name[7 + i] = '\0';
		}
		value = getenv(name);
		if (value && !set(r, n, value, FROM_VARIABLE, name))
			return false;
	}
	return true;
}

static bool read_line(struct reading *r, char *line, const char *path, int number)
{
	struct str rest = str_trim(str_of(line));
	struct str name;
	char *value;
	size_t n;

	if (rest.len == 0 || rest.ptr[0] == '#')
		return true;
	name = str_trim(str_cut(&rest, '='));
	rest = str_trim(rest);
	n = find(name);
	if (n == COUNT) {
		fprintf(stderr, "zegel: %s line %d: there is no setting %.*s\n", path, number,
			STR_ARG(name));
		return false;
	}
	value = strndup(rest.ptr ? rest.ptr : "", rest.len);
	return value && set(r, n, value, FROM_FILE, list[n].name);
}

static bool read_file(struct reading *r, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[2048];
	bool good = true;

	if (!file) {
		fprintf(stderr, "zegel: %s: %s\n", path, strerror(errno));
		return false;
	}
	for (int n = 1; good && fgets(line, sizeof(line), file); n++)
		good = read_line(r, line, path, n);
	fclose(file);
	return good;
}

static bool unknown_flag(const char *arg, const char *word)
{
	fprintf(stderr, "zegel %s: there is no %s here; zegel help %s lists what there is\n", word,
		arg, word);
	return false;
}

/* Reads the flag at argv[*i]; its value may be the next argument. */
static bool read_flag(struct reading *r, int argc, char **argv, int *i)
{
	const char *arg = argv[*i];
	struct str rest = str_of(arg + 2);
	struct str name = str_cut(&rest, '=');
	size_t n = find(name);

	if (n == COUNT || !reads(&list[n], r->to->command))
		return unknown_flag(arg, r->to->command);
	if (rest.ptr && arg[2 + name.len] == '=')
		return set(r, n, rest.ptr, FROM_FLAG, arg);
	if (list[n].kind == FLAG)
		return set(r, n, "1", FROM_FLAG, arg);
	if (*i + 1 >= argc) {
		fprintf(stderr, "zegel %s: %s needs a value\n", r->to->command, arg);
		return false;
	}
	return set(r, n, argv[++*i], FROM_FLAG, arg);
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

bool settings_read(int argc, char **argv, struct settings *ret)
{
	struct reading r = { .to = ret };

	memset(ret, 0, sizeof(*ret));
	ret->command = argc > 1 && argv[1][0] != '-' ? argv[1] : "help";
	ret->args = calloc((size_t)argc + 1, sizeof(char *));
	for (size_t n = 0; n < COUNT; n++)
		if (list[n].kind != FLAG && !set(&r, n, list[n].value, FROM_DEFAULT, list[n].name))
			return false;
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		ret->command = "version";
		return true;
	}
	if (wants_help(argc, argv)) {
		if (strcmp(ret->command, "help") != 0)
			ret->args[ret->arg_count++] = argv[1];
		ret->command = "help";
		return true;
	}
	for (int i = 2; i < argc; i++) {
		if (argv[i][0] != '-' || argv[i][1] == '\0')
			ret->args[ret->arg_count++] = argv[i];
		else if (argv[i][1] != '-' || !read_flag(&r, argc, argv, &i))
			return argv[i][1] != '-' ? unknown_flag(argv[i], ret->command) : false;
	}
	if (argc > 1 && argv[1][0] == '-')
		return unknown_flag(argv[1], "help");
	return read_variables(&r) && (ret->config[0] == '\0' || read_file(&r, ret->config));
}
