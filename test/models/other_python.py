# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Goes on in a Python that has what a test needs."""

import os
import sys


def choose_python(variable):
    """Replaces this process by the Python that the environment variable names, if any."""
    wanted = os.environ.pop(variable, None)
    if wanted:
        try:
            os.execv(wanted, [wanted] + sys.argv)
        except OSError as error:
            sys.exit(f"{variable}: {wanted}: {error.strerror}")
