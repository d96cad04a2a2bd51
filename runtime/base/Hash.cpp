// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// SHA-256 by OpenSSL's EVP.

#include "runtime/base/Hash.h"

#include <openssl/evp.h>

using namespace dure;

Status dure::sha256(std::span<const std::byte> Bytes,
                    std::array<uint8_t, 32> &Digest) {
  unsigned Size = 0;
  if (EVP_Digest(Bytes.data(), Bytes.size(), Digest.data(), &Size, EVP_sha256(),
                 nullptr) != 1 ||
      Size != Digest.size())
    return Status(StatusCode::Internal,
                  "OpenSSL cannot compute SHA-256; check its configuration");
  return Status::success();
}

Result<std::string> dure::sha256Hex(std::string_view Text) {
  std::array<uint8_t, 32> Digest;
  DURE_RETURN_IF_ERROR(sha256(std::as_bytes(std::span(Text)), Digest));
  static constexpr char Digits[] = "0123456789abcdef";
  std::string Hex;
  for (uint8_t Byte : Digest) {
    Hex += Digits[Byte >> 4];
    Hex += Digits[Byte & 15];
  }
  return Hex;
}
