/* calibrate_report: what `harness calibrate` prints. For cli/calibrate.c. */
#ifndef HARNESS_CLI_CALIBRATE_REPORT_H
#define HARNESS_CLI_CALIBRATE_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "calibrate/calibrate.h"

/* Asked against measured, a row for each property of each direction. */
void calibrate_report_table(FILE *out, const struct calibration *all, bool color);
/* As src/report/calibration.schema.json describes it. */
int calibrate_report_json(FILE *out, const struct calibration *all, const struct topology *t,
			  struct err *e);

#endif
