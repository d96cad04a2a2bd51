// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Packages compiled on the spot, kept for the next call.
#include "tools/dure/CompileCache.h"

#include "runtime/base/Hash.h"
#include "tools/dure/CarriedFiles.h"
#include "tools/io/File.h"

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace dure {
namespace {

namespace fs = std::filesystem;

/// Of the record's form, and of what a package's folder holds.
constexpr std::string_view Version = "dure-cache 1";
constexpr size_t MaxRecordBytes = size_t(16) << 20;
/// A file that changed so short a time before it was read may change again
/// without another time of change: the kernel's clock for files ticks, and some
/// file systems count seconds.
constexpr int64_t TickNs = 50'000'000, SecondsNs = 2'000'000'000;

std::string absolute(const std::string &Path) {
  std::error_code Ignored;
  return fs::absolute(Path, Ignored).lexically_normal().string();
}

std::string identityOf(const struct stat &Info) {
  return std::to_string(Info.st_size) + "," + std::to_string(Info.st_ino) +
         "," + std::to_string(nanoseconds(Info.st_mtim)) + "," +
         std::to_string(nanoseconds(Info.st_ctim));
}

/// What identifies a file's content; "-" where there is none.
std::string identityOf(const std::string &Path, bool FollowsLinks) {
  struct stat Info;
  const int Failed =
      FollowsLinks ? ::stat(Path.c_str(), &Info) : ::lstat(Path.c_str(), &Info);
  return Failed ? "-" : identityOf(Info);
}

/// Whether the times of a file that was read after `StartNs` tell it from every
/// later state of it.
bool isSettled(const std::string &Path, int64_t StartNs) {
  struct stat Info;
  if (::stat(Path.c_str(), &Info) != 0)
    return true;
  const int64_t Changed = nanoseconds(Info.st_ctim);
  return Changed + (Info.st_ctim.tv_nsec ? TickNs : SecondsNs) < StartNs;
}

/// What the kernel says of the processors that code may be made for.
std::string processorText() {
  std::ifstream In("/proc/cpuinfo");
  std::set<std::string> Lines;
  for (std::string Line; std::getline(In, Line);)
    for (const std::string_view Start :
         {"vendor_id", "cpu family", "model", "stepping", "flags", "Features",
          "CPU implementer", "CPU architecture", "CPU variant", "CPU part",
          "CPU revision"})
      if (Line.starts_with(Start))
        Lines.insert(Line);
  std::string Text;
  for (const std::string &Line : Lines)
    Text += Line + "\n";
  return Text;
}

/// The files whose code this process has: the program, the compiler, plug-ins,
/// and what they are linked with.
std::set<std::string> mappedPrograms() {
  std::ifstream In("/proc/self/maps");
  std::set<std::string> Paths;
  for (std::string Line; std::getline(In, Line);) {
    const size_t Slash = Line.find('/');
    const size_t Mode = Line.find(' ');
    // Code of packages that run has no file.
    if (Line.find("/memfd:") != std::string::npos)
      continue;
    if (Slash != std::string::npos &&
        Line.substr(Mode + 1, 4).find('x') != std::string::npos)
      Paths.insert(Line.substr(Slash));
  }
  return Paths;
}

std::string targetsText(const Options &O, const std::string &Target) {
  std::string Text = Target;
  if (Target.empty())
    for (const std::string &Each : O.Targets)
      Text += (Text.empty() ? "" : " ") + Each;
  return Text.empty() ? "cpu" : Text;
}

/// What tells one request from another; the content of files is the record's.
std::string requestText(const Options &O, const std::string &Target,
                        bool DebugValues) {
  std::string Text(Version);
  const auto add = [&](std::string_view Key, const std::string &Value) {
    // The length, so that no two lists give one text.
    Text += "\n" + std::string(Key) + " " + std::to_string(Value.size()) + " " +
            Value;
  };
  const auto addAll = [&](std::string_view Key,
                          const std::vector<std::string> &Values) {
    for (const std::string &Value : Values)
      add(Key, Value);
  };
  std::error_code Ignored;
  add("program", fs::read_symlink("/proc/self/exe", Ignored).string());
  for (const char *Name : {"LD_LIBRARY_PATH", "LD_PRELOAD"})
    if (const char *Value = std::getenv(Name))
      add(Name, Value);
  add("processor", processorText());
  add("model", absolute(O.Path));
  add("targets", targetsText(O, Target));
  add("target", Target);
  addAll("cpu", O.Cpus);
  for (const std::string &Plugin : O.LoadTargets)
    add("plugin", absolute(Plugin));
  addAll("bucket", O.Buckets);
  for (const auto &[Input, Value] : O.InputValues) {
    add("input", Input);
    add("value", Value);
    add("value at", absolute(Value));
  }
  if (O.AllowLinks)
    add("links", O.LinksRoot.empty() ? "" : absolute(O.LinksRoot));
  add("flags", std::to_string(DebugValues) + std::to_string(O.NoFallback) +
                   std::to_string(O.NoRaise));
  add("texts", O.TextFolder.empty() || O.TextFolder == "none"
                   ? O.TextFolder
                   : absolute(O.TextFolder));
  return Text;
}

/// The record of an entry, which its last line seals; "" when there is none
/// that is whole.
std::string readRecord(const std::string &Entry) {
  const auto File = io::MappedFile::open(Entry + "/" + CacheRecordName);
  if (!File || File->bytes().size() > MaxRecordBytes)
    return "";
  std::string Text(reinterpret_cast<const char *>(File->bytes().data()),
                   File->bytes().size());
  const size_t Seal = Text.rfind("\nseal ");
  if (Seal == std::string::npos || !Text.starts_with(Version))
    return "";
  const std::string Rest = Text.substr(Seal);
  Text.resize(Seal);
  const Result<std::string> Hash = sha256Hex(Text);
  return Hash && Rest == "\nseal " + *Hash + "\n" ? Text : "";
}

/// Adds the files of the folder to the record in it, and seals that.
bool seal(const std::string &Folder) {
  std::string Text;
  if (const auto File = io::MappedFile::open(Folder + "/" + CacheRecordName))
    Text.assign(reinterpret_cast<const char *>(File->bytes().data()),
                File->bytes().size());
  std::error_code Error;
  for (fs::recursive_directory_iterator At(Folder, Error), End; At != End;
       At.increment(Error)) {
    const std::string Name = At->path().lexically_relative(Folder).string();
    if (Error)
      return false;
    if (Name != CacheRecordName && !At->is_directory(Error))
      Text += "own " + identityOf(At->path(), /*FollowsLinks=*/false) + " " +
              Name + "\n";
  }
  if (Text.empty())
    return false;
  Text.pop_back();
  const Result<std::string> Hash = sha256Hex(Text);
  return Hash && io::writeFile(Folder + "/" + CacheRecordName,
                               Text + "\nseal " + *Hash + "\n");
}

/// Calls `Take(Key, Identity, Path)` for each line of a record that has all
/// three, until it gives false; false then.
template <typename Function>
bool eachLine(std::string_view Record, const Function &Take) {
  while (!Record.empty()) {
    const std::string_view Line = Record.substr(0, Record.find('\n'));
    Record.remove_prefix(std::min(Line.size() + 1, Record.size()));
    const size_t First = Line.find(' '), Second = Line.find(' ', First + 1);
    if (Second != std::string_view::npos &&
        !Take(Line.substr(0, First), Line.substr(First + 1, Second - First - 1),
              std::string(Line.substr(Second + 1))))
      return false;
  }
  return true;
}

} // namespace

CompileCache::CompileCache(const Console &Out, const Options &O,
                           const std::string &Target, bool DebugValues)
    : Out(Out), O(O), Target(Target) {
  if (O.NoCache || !Cache.isWanted())
    return;
  if (const std::string Problem = Cache.problem(Out); !Problem.empty()) {
    unused(Problem);
    return;
  }
  const Result<std::string> Hash =
      sha256Hex(requestText(O, Target, DebugValues));
  if (!Hash)
    return;
  Name = *Hash;
  timespec Now;
  ::clock_gettime(CLOCK_REALTIME, &Now);
  StartNs = nanoseconds(Now);
}

std::string CompileCache::find() const {
  const std::string Entry = isOn() ? Cache.find(Name) : "";
  const std::string Record = Entry.empty() ? "" : readRecord(Entry);
  if (Record.empty() ||
      !eachLine(Record, [&](std::string_view Key, std::string_view Identity,
                            const std::string &Path) {
        if (Key == "file")
          return identityOf(Path, /*FollowsLinks=*/true) == Identity;
        return Key != "own" || identityOf(Entry + "/" + Path,
                                          /*FollowsLinks=*/false) == Identity;
      }))
    return "";
  Cache.touch(Entry);
  return Entry;
}

void CompileCache::note(const std::string &Folder,
                        CompileSources Sources) const {
  if (!isOn())
    return;
  Sources.Files.merge(mappedPrograms());
  for (const auto &[Input, Value] : O.InputValues)
    Sources.Looked.insert(Value);
  for (const std::string &Path : carriedFilePaths(O))
    Sources.Looked.insert(Path);
  std::string Text = std::string(Version) + "\nmodel - " + absolute(O.Path) +
                     "\ntargets - " + targetsText(O, Target) + "\n";
  for (const auto *List : {&Sources.Files, &Sources.Looked})
    for (const std::string &Each : *List) {
      const std::string Path = absolute(Each);
      const std::string Identity = identityOf(Path, /*FollowsLinks=*/true);
      // What cannot be told apart later, or written down, is not kept.
      if ((List == &Sources.Files && Identity == "-") ||
          !isSettled(Path, StartNs) || Path.find('\n') != std::string::npos)
        return;
      Text += "file " + Identity + " " + Path + "\n";
    }
  // Without one the package is not kept, which is all that fails.
  (void)io::writeFile(Folder + "/" + CacheRecordName, Text);
}

bool CompileCache::keep(const std::string &Folder) const {
  std::error_code Error;
  if (!isOn() || !fs::exists(Folder + "/" + CacheRecordName, Error))
    return false;
  if (const uint64_t Bytes = bytesBelow(Folder); Bytes > Cache.limit())
    return unused(
        Out.text(Message::CacheTooLarge, {formatBytes(double(Bytes)),
                                          formatBytes(double(Cache.limit()))}));
  if (!Cache.make())
    return unused(io::systemError(errno, Out.language()));
  // Who made it meanwhile may be another.
  if (const std::string Problem = Cache.problem(Out); !Problem.empty())
    return unused(Problem);
  std::string Brought;
  int Failed = Cache.bring(Folder, Brought);
  if (!Failed)
    Failed = seal(Brought) ? Cache.publish(Brought, Name) : EIO;
  if (Failed && interrupted())
    return false;
  if (Failed)
    return unused(io::systemError(Failed, Out.language()));
  Cache.evict(Name);
  return true;
}

bool CompileCache::unused(const std::string &Why) const {
  // Once is enough: some commands compile twice.
  static bool IsTold = false;
  if (!std::exchange(IsTold, true))
    Out.warn(Message::CacheUnused, {Cache.path(), Why});
  return false;
}

CacheSubject readCacheSubject(const std::string &Entry) {
  CacheSubject Subject;
  eachLine(readRecord(Entry), [&](std::string_view Key, std::string_view,
                                  const std::string &Value) {
    if (Key == "model")
      Subject.Model = Value;
    if (Key == "targets")
      Subject.Targets = Value;
    return true;
  });
  return Subject;
}

} // namespace dure
