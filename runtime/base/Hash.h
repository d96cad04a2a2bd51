// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// SHA-256 by OpenSSL's EVP, which uses the CPU's instructions for it.
#ifndef DURE_RUNTIME_BASE_HASH_H
#define DURE_RUNTIME_BASE_HASH_H

#include "runtime/base/Status.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dure {

/// Hash of BYTES. Fails only when OpenSSL has no memory or no SHA-256.
Status sha256(std::span<const std::byte> Bytes,
              std::array<uint8_t, 32> &Digest);

/// Hash of TEXT, as 64 hexadecimal digits.
Result<std::string> sha256Hex(std::string_view Text);

} // namespace dure

#endif // DURE_RUNTIME_BASE_HASH_H
