// SPDX-License-Identifier: GPL-2.0-only
/*
 * A loadable object for GNU make: $(exit-make N) ends make itself with status N. make has no other
 * way to hand on a recipe's status (it makes 2 of each failure), and `make run CMD=...` takes the
 * status of the guest's command.
 */
#include <gnumake.h>
#include <stdlib.h>

int plugin_is_GPL_compatible;

static char *exit_make(const char *name, unsigned int argc, char **argv)
{
	(void)name;
	(void)argc;
	exit(atoi(argv[0]));
}

int make_exit_gmk_setup(void)
{
	gmk_add_function("exit-make", exit_make, 1, 1, GMK_FUNC_DEFAULT);
	return 1;
}
