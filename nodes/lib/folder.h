/*
 * folder: the store of udp-recv, files in one folder.
 *
 * A file is written under a name with a leading dot, which no sender can ask
 * for, and gets its own name when it is complete, never replacing one that is
 * there. Nothing is opened outside the folder or through a symbolic link.
 *
 * A large file is gathered in blocks in memory, which are hashed there and
 * written past the page cache (writer.h), each when nothing is missing up to
 * its end. What finds no free block, small files and raw flows go through the
 * page cache: consecutive writes are gathered and go out in one pwritev(2).
 * A block of a file goes one way or the other, never both.
 */
#ifndef NODES_FOLDER_H
#define NODES_FOLDER_H

#include <stdint.h>

#include "fail.h"
#include "store.h"

struct folder;

/* The folder must be there. */
int folder_open(const char *dir, struct folder **ret_folder, struct fail *f);
void folder_free(struct folder *folder);
/* Valid as long as the folder. */
struct store folder_store(struct folder *folder);

/* A new file under its final name from the start, for store.write, sync and release: raw flows. */
int folder_create_named(struct folder *folder, const char *name, struct store_file **ret_file,
			struct fail *f);

#endif
