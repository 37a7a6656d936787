/* Tests of src/lab/cgroup_files.c: what the kernel's files about cgroups say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "lab/cgroup.h"
#include "lab/cgroup_files.h"

#define UNIFIED                                                                                    \
	"23 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"                                \
	"29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID                                                                                     \
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                      \
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"               \
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
/* A container that sees its own part: of the host's paths, or in a cgroup namespace. */
#define PART "29 23 0:26 /docker/1a /sys/fs/cgroup ro master:7 propagate_from:2 - cgroup2 c ro\n"
#define OVER                                                                                       \
	"29 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"                               \
	"30 29 0:26 / /sys/fs/cgroup rw - cgroup2 none rw\n"

/* The folder of this cgroup, "" when it is not to be seen. */
static void check_folder(const char *mountinfo, const char *cgroup, const char *expected)
{
	struct cgroup_mount m = { 0 };
	cleanup_free char *folder = NULL;

	if (cgroup_find_mount(mountinfo, cgroup, &m))
		folder = cgroup_folder_of(&m, cgroup);
	assert_string_equal(folder != NULL ? folder : "", expected);
	cgroup_mount_done(&m);
}

static void folders_of_cgroups(void **state)
{
	(void)state;
	check_folder(UNIFIED, "/", "/sys/fs/cgroup");
	check_folder(UNIFIED, "/user.slice/user-0.slice", "/sys/fs/cgroup/user.slice/user-0.slice");
	check_folder(HYBRID, "/", "/sys/fs/cgroup/unified");
	check_folder(PART, "/docker/1a", "/sys/fs/cgroup");
	check_folder(PART, "/docker/1a/b", "/sys/fs/cgroup/b");
	check_folder("1 2 0:1 / /my\\040cgroups rw - cgroup2 c rw", "/a", "/my cgroups/a");
}

static void cgroups_out_of_sight(void **state)
{
	(void)state;
	check_folder(PART, "/docker/1ab", "");
	check_folder(PART, "/", "");
	check_folder(UNIFIED, "/../other", "");
	check_folder("29 23 0:26 /.. /sys/fs/cgroup rw - cgroup2 c rw", "/", "");
	check_folder("35 31 0:32 / /sys/fs/cgroup rw - cgroup cgroup rw,memory\n", "/", "");
	/* A folder of that name is no type, and lines may end early. */
	check_folder("35 31 0:32 / /cgroup2 rw cgroup2 - tmpfs cgroup2 rw\n", "/", "");
	check_folder("35 31 0:32 / /x rw -\n", "/", "");
	check_folder("35 31 0:32", "/", "");
	check_folder("", "/", "");
}

static void the_last_mount_that_shows_it(void **state)
{
	(void)state;
	check_folder(OVER, "/", "/sys/fs/cgroup");
	check_folder(HYBRID UNIFIED, "/a", "/sys/fs/cgroup/a");
	check_folder(UNIFIED PART, "/a", "/sys/fs/cgroup/a");
}

static void own_cgroup(void **state)
{
	cleanup_free char *hybrid = cgroup_find_own("9:name=systemd:/x\n4:memory:/y\n0::/a b\n");
	cleanup_free char *only = cgroup_find_own("0::/\n");

	(void)state;
	assert_string_equal(hybrid, "/a b");
	assert_string_equal(only, "/");
	assert_null(cgroup_find_own("10::/x\n4:memory:/y\n"));
	assert_null(cgroup_find_own(""));
}

static void lists_of_controllers(void **state)
{
	(void)state;
	assert_int_equal(cgroup_controllers("cpuset cpu io memory pids\n"),
			 CGROUP_CPU | CGROUP_MEMORY);
	assert_int_equal(cgroup_controllers("cpuset memory\n"), CGROUP_MEMORY);
	assert_int_equal(cgroup_controllers("cpu"), CGROUP_CPU);
	assert_int_equal(cgroup_controllers("hugetlb cpuacct\n"), 0);
	assert_int_equal(cgroup_controllers("\n"), 0);
}

static void counts_of_events(void **state)
{
	const char *events = "low 0\noom 3\noom_kill 12\noom_group_kill 1\n";

	(void)state;
	assert_int_equal(cgroup_count(events, "oom"), 3);
	assert_int_equal(cgroup_count(events, "oom_kill"), 12);
	assert_int_equal(cgroup_count(events, "kill"), 0);
	assert_int_equal(cgroup_count("", "oom"), 0);
	assert_int_equal(cgroup_count("oom", "oom"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_of_cgroups),
		cmocka_unit_test(cgroups_out_of_sight),
		cmocka_unit_test(the_last_mount_that_shows_it),
		cmocka_unit_test(own_cgroup),
		cmocka_unit_test(lists_of_controllers),
		cmocka_unit_test(counts_of_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
