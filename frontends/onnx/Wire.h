// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Protobuf fields with checked wire types and errors that know their place.
//
// Private to the reader: the only header that includes protozero and throws.
// Why checks of our own: protozero only asserts that a field has the wire type
// that its getter expects.

#ifndef DURE_FRONTENDS_ONNX_WIRE_H
#define DURE_FRONTENDS_ONNX_WIRE_H

#include "frontends/onnx/Reader.h"

#include <protozero/pbf_reader.hpp>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dure::onnx {

/// Thrown inside the reader, caught in readModel.
struct ReadError {
  Refusal R;
};

/// What all parts of the reader share: the file, the limits, and the path from
/// the model to the message being read, for error messages.
class Context {
public:
  Context(std::string_view File, std::string_view FileName,
          ExternalFileSource *Files, const ReadLimits &Limits)
      : Limits(Limits), Files(Files), File(File), FileName(FileName) {}

  [[noreturn]] void fail(RefusalCode Code, std::vector<std::string> Arguments,
                         const char *At = nullptr) const;

  /// Calls `Field` for every field of a message. `Field` must consume it.
  template <typename Fn>
  void forEachField(std::string_view Message, Fn &&Field) {
    const char *At = Message.data();
    try {
      protozero::pbf_reader Reader(Message.data(), Message.size());
      while (Reader.next()) {
        At = Reader.data().data();
        Field(Reader);
      }
    } catch (const protozero::exception &) {
      // What protozero calls the fault says nothing to a user.
      fail(RefusalCode::FileMalformed,
           {"a field is damaged, cut off or of another format"}, At);
    }
  }

  /// Offset of a byte of the mapped file.
  uint64_t offsetOf(const char *At) const {
    return static_cast<uint64_t>(At - File.data());
  }

  std::string_view bytes(protozero::pbf_reader &Reader);
  int64_t integer(protozero::pbf_reader &Reader);
  float float32(protozero::pbf_reader &Reader);
  /// A name or other text: valid UTF-8, no NUL, not too long.
  std::string_view text(protozero::pbf_reader &Reader);
  /// Repeated integers, packed or one at a time.
  void integers(protozero::pbf_reader &Reader, std::vector<int64_t> &Out);
  void floats(protozero::pbf_reader &Reader, std::vector<float> &Out);

  /// Accounts for memory that the file makes the reader allocate: two bytes of
  /// a file can ask for a whole struct.
  void charge(uint64_t Bytes);

  /// Names the message being read, while alive; counts depth.
  class Scope {
  public:
    Scope(Context &C, std::string Name);
    ~Scope() { C.Path.pop_back(); }
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;
    /// A message learns its name only while it is being read.
    void rename(std::string Name) { C.Path.back() = std::move(Name); }

  private:
    Context &C;
  };

  const ReadLimits &Limits;
  ExternalFileSource *Files;
  uint64_t NodeCount = 0;
  uint64_t InitializerCount = 0;
  /// External files by location, as numbered in FileRange.
  std::unordered_map<std::string, uint32_t> FileIndices;

private:
  std::string_view File;
  std::string_view FileName;
  uint64_t Charged = 0;
  std::vector<std::string> Path;
};

/// Reads one TensorProto. `External` collects the files that it names.
Tensor readTensor(Context &C, std::string_view Message,
                  std::vector<ExternalFile> &External);

/// Checks names and definitions of a whole model; sorts nodes where the file
/// does not hold them in execution order.
void checkModel(Context &C, Model &M);

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_WIRE_H
