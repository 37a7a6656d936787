/*
 * judge: from the evidence and the files of one run to its verdict.
 *
 * Reads the topology, the evidence, and what lies in the run's folder
 * (captures as capture_evidence.file names them, received files as
 * judge_received_path() says, reports of the node programs). It decodes the
 * packets with code of its own, never with that of the node programs. All it writes is
 * links.tsv (link_table.h).
 */
#ifndef HARNESS_VERIFY_JUDGE_H
#define HARNESS_VERIFY_JUDGE_H

#include "evidence/evidence.h"
#include "topology/topology.h"
#include "verify/verdict.h"

struct judge_input {
	const struct topology *topology;
	const struct evidence *evidence;
	const char *folder; /* of the run, opens from the current folder */
};

/* Where the receiver of a transfer writes its files: FOLDER/received/NODE/TRANSFER (free). */
char *judge_received_path(const char *folder, const char *node, const char *transfer);

/*
 * Fill files, programs, captures, faults, metrics, expectations, ledger, mode, format, totals, times, outcome,
 * reasons and notes of *verdict. label, variables, folder, command and seed are
 * the caller's. Never fails as a whole: what cannot be read is a reason.
 */
void judge_run(const struct judge_input *in, struct run_verdict *verdict);

#endif
