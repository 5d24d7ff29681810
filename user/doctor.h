/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_DOCTOR_H
#define TENON_DOCTOR_H

/**
 * doctor() - Print on standard output what this machine can do, what is missing, and the command
 * that mends it.
 * @dev: the hypervisor's device node
 *
 * Return: STATUS_OK if a guest can run, else STATUS_FAILURE.
 */
int doctor(const char *dev);

#endif
