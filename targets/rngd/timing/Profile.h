// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whose rules count cycles. Included by RNGD's compiler and simulator.
#ifndef DURE_TARGETS_RNGD_TIMING_PROFILE_H
#define DURE_TARGETS_RNGD_TIMING_PROFILE_H

namespace dure::rngd {

/// The vendor's book (BookTiming.h), or what its compiler's estimates amount to
/// (TccTiming.h).
enum class Profile { Book, Tcc };

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_TIMING_PROFILE_H
