// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The hand-written packages that several tests run.
#ifndef DURE_TEST_UNIT_RUNTIME_TESTPACKAGES_H
#define DURE_TEST_UNIT_RUNTIME_TESTPACKAGES_H

#include "test/unit/runtime/TestSupport.h"

namespace dure::test {

/// Like a sentence encoder: ids and mask [batch, sequence]; embedding,
/// projection in panels, masked mean. SCALE multiplies the table, so that two
/// of them differ. Outputs hidden [batch, sequence, 5] and pooled [batch, 5].
Package encoderPackage(float Scale = 1);
/// What it computes.
void encoderReference(float Scale, const Tensor<int64_t> &Ids,
                      const Tensor<int64_t> &Mask, std::vector<float> &Hidden,
                      std::vector<float> &Pooled);

/// Like a decoder's `step`: x [batch, sequence, 3] goes behind a cache
/// [batch, capacity, 3]; out[b, t] is the mean of all rows up to it.
Package stepPackage();

/// A layer compiled for 4 and for 8 rows of 4, for inputs [n, 3] with n <= 8.
Package bucketPackage();

} // namespace dure::test

#endif // DURE_TEST_UNIT_RUNTIME_TESTPACKAGES_H
