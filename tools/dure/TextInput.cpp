// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading text.
#include "tools/dure/TextInput.h"

#include "tools/io/File.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace dure {
namespace {

/// Some ten million tokens.
constexpr size_t MaxText = size_t(64) << 20;

/// Waits for bytes on stdin and adds them; false at its end, when it cannot be
/// read, or when the user wants to stop. A read would not notice Ctrl-C, nor
/// does poll where another thread gets the signal: so it looks now and then.
bool readSome(std::string &To) {
  for (;;) {
    pollfd Wait = {STDIN_FILENO, POLLIN, 0};
    const int Ready = ::poll(&Wait, 1, /*ms=*/100);
    if (interrupted())
      return false;
    if (Ready == 0 || (Ready < 0 && errno == EINTR))
      continue;
    char Buffer[1 << 16];
    const ssize_t Got = ::read(STDIN_FILENO, Buffer, sizeof(Buffer));
    if (Got < 0 && errno == EINTR)
      continue;
    if (Got <= 0)
      return false;
    To.append(Buffer, size_t(Got));
    return true;
  }
}

} // namespace

std::optional<std::string> readTextFile(const Console &Out,
                                        const std::string &Path) {
  std::string Text;
  if (Path == "-") {
    while (Text.size() <= MaxText && readSome(Text)) {
    }
  } else {
    io::Result<io::MappedFile> File = io::MappedFile::open(Path);
    if (!File) {
      Out.fail(File.failure());
      return std::nullopt;
    }
    if (File->bytes().size() <= MaxText)
      Text.assign(reinterpret_cast<const char *>(File->bytes().data()),
                  File->bytes().size());
    else
      Text.resize(MaxText + 1);
  }
  if (interrupted()) {
    Out.failCancelled();
    return std::nullopt;
  }
  if (Text.size() > MaxText) {
    Out.fail(Message::TextTooLong, {Path, formatBytes(double(MaxText))});
    return std::nullopt;
  }
  return Text;
}

std::optional<std::string> readPrompt(const Console &Out, const Options &O) {
  if (O.Text.Prompt)
    return O.Text.Prompt;
  if (!O.Text.PromptFile.empty())
    return readTextFile(Out, O.Text.PromptFile);
  return std::nullopt;
}

std::optional<std::string> LineReader::next() {
  size_t End = 0;
  while ((End = Held.find('\n')) == std::string::npos && !Ended &&
         Held.size() <= MaxText)
    Ended = !readSome(Held);
  if (interrupted() || (Held.empty() && Ended))
    return std::nullopt;
  std::string Line = Held.substr(0, End);
  Held.erase(0, End == std::string::npos ? Held.size() : End + 1);
  if (Line.ends_with('\r'))
    Line.pop_back();
  return Line;
}

} // namespace dure
