/*
 * folder: the store of udp-recv, files in one folder.
 *
 * A file is written under a name with a leading dot, which no sender can ask
 * for, and gets its own name when it is complete, never replacing one that is
 * there. Nothing is opened outside the folder or through a symbolic link.
 * Consecutive writes are gathered and go out in one pwritev(2).
 */
#ifndef NODES_FOLDER_H
#define NODES_FOLDER_H

#include <stdint.h>

#include "fail.h"
#include "store.h"

struct folder;

int folder_open(const char *dir, struct folder **ret_folder, struct fail *f);
void folder_free(struct folder *folder);
/* Valid as long as the folder. */
struct store folder_store(struct folder *folder);

/* A new file under its final name from the start, for store.write, sync and release: raw flows. */
int folder_create_named(struct folder *folder, const char *name, struct store_file **ret_file,
			struct fail *f);

#endif
