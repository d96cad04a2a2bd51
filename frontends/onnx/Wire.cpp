// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checked protobuf fields.

#include "frontends/onnx/Wire.h"

namespace dure::onnx {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

/// Parts of a place beyond which the middle ones are left out: those of a file
/// that nests ten thousand graphs say nothing.
static constexpr size_t LongPath = 6;

void Context::fail(RefusalCode Code, std::vector<std::string> Arguments,
                   const char *At) const {
  Refusal R{};
  R.Code = Code;
  R.Place = printable(FileName);
  if (At)
    R.Place += ", byte " + std::to_string(offsetOf(At));
  std::vector<std::string_view> Parts;
  for (const std::string &Part : Path)
    if (!Part.empty())
      Parts.push_back(Part);
  for (size_t I = 0; I < Parts.size(); ++I) {
    bool IsMiddle = Parts.size() > LongPath && I >= LongPath / 2 &&
                    I < Parts.size() - LongPath / 2;
    if (!IsMiddle)
      R.Place += ", " + std::string(Parts[I]);
    else if (I == LongPath / 2)
      R.Place += ", ...";
  }
  R.Arguments = std::move(Arguments);
  throw ReadError{std::move(R)};
}

void Context::charge(uint64_t Bytes) {
  Charged += Bytes;
  if (Charged > Limits.MaxMemory)
    fail(RefusalCode::TooMany,
         {"bytes of graph structure", std::to_string(Limits.MaxMemory)});
}

Context::Scope::Scope(Context &C, std::string Name) : C(C) {
  if (C.Path.size() >= C.Limits.MaxDepth)
    C.fail(RefusalCode::FileTooDeep, {std::to_string(C.Limits.MaxDepth)});
  C.Path.push_back(std::move(Name));
}

/// A wrong wire type would make every later byte mean something else.
static void expect(const Context &C, pbf_reader &Reader, pbf_wire_type Type,
                   const char *What) {
  if (Reader.wire_type() != Type)
    C.fail(RefusalCode::FileMalformed,
           {"field " + std::to_string(Reader.tag()) + " is not " + What},
           Reader.data().data());
}

std::string_view Context::bytes(pbf_reader &Reader) {
  expect(*this, Reader, pbf_wire_type::length_delimited, "a byte string");
  protozero::data_view View = Reader.get_view();
  return {View.data(), View.size()};
}

int64_t Context::integer(pbf_reader &Reader) {
  expect(*this, Reader, pbf_wire_type::varint, "an integer");
  return Reader.get_int64();
}

float Context::float32(pbf_reader &Reader) {
  expect(*this, Reader, pbf_wire_type::fixed32, "a float");
  return Reader.get_float();
}

std::string_view Context::text(pbf_reader &Reader) {
  std::string_view Text = bytes(Reader);
  if (Text.size() > Limits.MaxNameBytes)
    fail(RefusalCode::BadName,
         {"it has " + std::to_string(Text.size()) + " bytes"}, Text.data());
  for (size_t I = 0; I < Text.size();) {
    if (Text[I] == '\0')
      fail(RefusalCode::BadName, {"'" + printable(Text) + "' holds a NUL byte"},
           Text.data());
    size_t Length = utf8Length(Text, I);
    if (Length == 0)
      fail(RefusalCode::BadName,
           {"'" + printable(Text) + "' is not valid UTF-8"}, Text.data());
    I += Length;
  }
  return Text;
}

void Context::integers(pbf_reader &Reader, std::vector<int64_t> &Out) {
  if (Reader.wire_type() == pbf_wire_type::varint) {
    charge(sizeof(int64_t));
    Out.push_back(Reader.get_int64());
    return;
  }
  std::string_view Packed = bytes(Reader);
  charge(Packed.size() * sizeof(int64_t));
  const char *At = Packed.data(), *End = At + Packed.size();
  while (At != End)
    Out.push_back(static_cast<int64_t>(protozero::decode_varint(&At, End)));
}

void Context::floats(pbf_reader &Reader, std::vector<float> &Out) {
  if (Reader.wire_type() == pbf_wire_type::fixed32) {
    charge(sizeof(float));
    Out.push_back(Reader.get_float());
    return;
  }
  std::string_view Packed = bytes(Reader);
  if (Packed.size() % 4 != 0)
    fail(RefusalCode::FileMalformed,
         {"packed floats of " + std::to_string(Packed.size()) + " bytes"},
         Packed.data());
  charge(Packed.size());
  size_t Old = Out.size();
  Out.resize(Old + Packed.size() / 4);
  std::copy_n(Packed.data(), Packed.size(),
              reinterpret_cast<char *>(Out.data() + Old));
}

} // namespace dure::onnx
