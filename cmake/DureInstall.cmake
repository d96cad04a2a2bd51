# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installation: headers, libraries and DureConfig.cmake for out-of-tree targets
# and drivers.
