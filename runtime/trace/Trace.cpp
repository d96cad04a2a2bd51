// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Spans of runs in the Chrome trace format.

#include "runtime/trace/Trace.h"

#include "runtime/io/SafeFile.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

using namespace dure;

namespace {

/// Length of the UTF-8 sequence at the start of TEXT, 0 if it is none.
size_t sequenceLength(std::string_view Text) {
  auto Byte = [&](size_t I) { return static_cast<uint8_t>(Text[I]); };
  uint8_t First = Byte(0);
  size_t Length = First < 0x80   ? 1
                  : First < 0xc2 ? 0
                  : First < 0xe0 ? 2
                  : First < 0xf0 ? 3
                  : First < 0xf5 ? 4
                                 : 0;
  if (Length == 0 || Length > Text.size())
    return 0;
  for (size_t I = 1; I != Length; ++I)
    if ((Byte(I) & 0xc0) != 0x80)
      return 0;
  // Overlong forms, surrogates, beyond U+10FFFF.
  if ((First == 0xe0 && Byte(1) < 0xa0) || (First == 0xed && Byte(1) > 0x9f) ||
      (First == 0xf0 && Byte(1) < 0x90) || (First == 0xf4 && Byte(1) > 0x8f))
    return 0;
  return Length;
}

/// Microseconds with nanosecond digits.
std::string microseconds(uint64_t Ns) {
  char Text[48];
  std::snprintf(Text, sizeof(Text), "%" PRIu64 ".%03" PRIu64, Ns / 1000,
                Ns % 1000);
  return Text;
}

} // namespace

std::string dure::jsonString(std::string_view Text) {
  std::string Json = "\"";
  while (!Text.empty()) {
    size_t Length = sequenceLength(Text);
    char C = Text[0];
    if (Length == 0) {
      Json += "\xef\xbf\xbd";
      Length = 1;
    } else if (C == '"' || C == '\\') {
      Json += '\\';
      Json += C;
    } else if (static_cast<uint8_t>(C) < 0x20) {
      char Escape[8];
      std::snprintf(Escape, sizeof(Escape), "\\u%04x", C);
      Json += Escape;
    } else {
      Json += Text.substr(0, Length);
    }
    Text.remove_prefix(Length);
  }
  return Json + "\"";
}

void Trace::span(std::string_view Name, std::string_view Category,
                 uint64_t BeginNs, uint64_t EndNs, uint32_t Track,
                 std::string Args) {
  HasSimulated |= Category == "simulated";
  Events.push_back(
      "{\"name\":" + jsonString(Name) + ",\"cat\":" + jsonString(Category) +
      ",\"ph\":\"X\",\"ts\":" + microseconds(BeginNs) +
      ",\"dur\":" + microseconds(EndNs > BeginNs ? EndNs - BeginNs : 0) +
      ",\"pid\":1,\"tid\":" + std::to_string(Track) + ",\"args\":{" + Args +
      "}}");
}

void Trace::track(uint32_t Track, std::string_view Name) {
  if (std::find(Named.begin(), Named.end(), Track) != Named.end())
    return;
  Named.push_back(Track);
  Events.push_back("{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":" +
                   std::to_string(Track) +
                   ",\"args\":{\"name\":" + jsonString(Name) + "}}");
}

std::string Trace::json() const {
  std::string Json = "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"producer\":"
                     "\"Dure\",\"times\":\"measured";
  if (HasSimulated)
    Json += ", except tracks named simulated";
  Json += "\"},\"traceEvents\":[\n";
  for (size_t I = 0; I != Events.size(); ++I)
    Json += Events[I] + (I + 1 == Events.size() ? "\n" : ",\n");
  return Json + "]}\n";
}

Status Trace::write(const std::string &Path) const {
  Result<AtomicFile> File = AtomicFile::create(Path);
  if (!File)
    return File.status();
  std::string Json = json();
  DURE_RETURN_IF_ERROR(File->write(Json.data(), Json.size()));
  return File->commit();
}
