/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "base/log.h"

static const struct {
	const char *name;
	command *function;
	int fewest, most;
	const char *args;
} commands[] = {
#define COMMAND(name, function, fewest, most, args, text) { #name, function, fewest, most, args },
#include "app/commands.def"
#undef COMMAND
};

int complain(const struct settings *settings, const struct err *err)
{
	fprintf(stderr, "zegel %s: %s%s%s%s\n", settings->command, err->text,
		err->at[0] ? " (" : "", err->at, err->at[0] ? ")" : "");
	return EXIT_FAILED;
}

int cmd_help(const struct settings *settings)
{
	if (settings_help(settings->arg_count ? settings->args[0] : NULL))
		return EXIT_DONE;
	fprintf(stderr, "zegel help: there is no command %s\n", settings->args[0]);
	return EXIT_USAGE;
}

int cmd_version(const struct settings *settings)
{
	(void)settings;
	printf("zegel %s\n", ZEGEL_VERSION);
	return EXIT_DONE;
}

static bool set_log_level(const char *word)
{
	static const char *const words[] = { "error", "warn", "info", "debug" };

	for (int i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0) {
			log_set_level((enum log_level)i);
			return true;
		}
	fprintf(stderr, "zegel: --log-level is error, warn, info or debug, not %s\n", word);
	return false;
}

static int run_command(size_t n, const struct settings *settings)
{
	if (settings->arg_count > commands[n].most) {
		fprintf(stderr, "zegel %s: %s is one too many; zegel help %s\n", settings->command,
			settings->args[commands[n].most], settings->command);
		return EXIT_USAGE;
	}
	if (settings->arg_count < commands[n].fewest) {
		fprintf(stderr, "zegel %s: it needs %s\n", settings->command, commands[n].args);
		return EXIT_USAGE;
	}
	return commands[n].function(settings);
}

int main(int argc, char **argv)
{
	static struct settings settings; /* its strings and arguments live as long as the program */

	if (!settings_read(argc, argv, &settings) || !set_log_level(settings.log_level))
		return EXIT_USAGE;
	if (argc < 2) {
		fprintf(stderr,
			"zegel: say what to do: zegel help lists the commands, zegel demo shows it all\n");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, settings.command) == 0)
			return run_command(i, &settings);
	fprintf(stderr, "zegel: there is no command %s; try zegel help\n", settings.command);
	return EXIT_USAGE;
}
