/* SPDX-License-Identifier: Apache-2.0 */
/* The bench's table, for people and as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/bench_impl.h"
#include "codec/json_write.h"

void table_print_json(const struct table *t)
{
	struct buf buf BUF_AUTO;
	struct json_out out;

	buf_init(&buf, NULL, 64 << 10);
	json_out_init(&out, &buf);
	json_out_array(&out, NULL);
	for (size_t i = 0; i < t->count; i++) {
		const struct row *row = &t->rows[i];
		char number[3][32];
		snprintf(number[0], 32, "%.3f", row->value);
		snprintf(number[1], 32, "%.3f", row->calibration);
		snprintf(number[2], 32, "%.3f", row->value / row->calibration);
		json_out_object(&out, NULL);
		json_out_cstr(&out, "name", row->name);
		json_out_raw(&out, "value", str_of(number[0]));
		json_out_cstr(&out, "unit", row->unit);
		json_out_raw(&out, "calibration", str_of(number[1]));
		json_out_raw(&out, "ratio", str_of(number[2]));
		json_out_object_end(&out);
	}
	json_out_array_end(&out);
	printf("%.*s\n", STR_ARG(buf_str(&buf)));
}

static void print_machine(const struct table *t)
{
	struct utsname name;
	double load[1] = { 0 };

	uname(&name);
	(void)getloadavg(load, 1);
	printf("%ld cores, %s %s, fdatasync of a page %.0f/s (p50 %.2f ms, p99 %.2f ms), load average %.1f\n\n",
		sysconf(_SC_NPROCESSORS_ONLN), name.sysname, name.release, t->disk.rate,
		t->disk.p50_ms, t->disk.p99_ms, load[0]);
}

static const char *number(double value, char out[32])
{
	snprintf(out, 32, fabs(value) >= 100 ? "%.0f" : fabs(value) >= 10 ? "%.1f" : "%.2f", value);
	return out;
}

void table_print(const struct bench *b, const struct table *t)
{
	char value[32], calibration[32];

	print_machine(t);
	printf("%-20s %10s %12s %6s  %-9s\n", "what", "measured", "calibration", "ratio", "target");
	for (size_t i = 0; i < t->count; i++) {
		const struct row *row = &t->rows[i];
		printf("%-20s %7s %-2s %9s %-2s %6.2f  %-9s  %s\n", row->name,
			number(row->value, value), row->unit, number(row->calibration, calibration),
			row->unit, row->value / row->calibration, row->target, row->note);
	}
	if (!b->own)
		printf("\nThe calibrations are of this machine; memory and start are measured on a server of "
		       "one's own only.\n");
}
