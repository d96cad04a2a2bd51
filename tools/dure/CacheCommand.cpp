// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure cache.
#include "tools/dure/Commands.h"
#include "tools/dure/CompileCache.h"
#include "tools/dure/Json.h"

#include <ctime>

namespace dure {
namespace {

/// "2026-11-27 10:15", local time.
std::string timeText(int64_t Ns) {
  const time_t Seconds = time_t(Ns / 1'000'000'000);
  tm Local;
  char Text[32];
  if (!::localtime_r(&Seconds, &Local) ||
      !std::strftime(Text, sizeof(Text), "%Y-%m-%d %H:%M", &Local))
    return "";
  return Text;
}

uint64_t bytesOf(const std::vector<CacheEntry> &Entries) {
  uint64_t Bytes = 0;
  for (const CacheEntry &Entry : Entries)
    Bytes += Entry.Bytes;
  return Bytes;
}

int clear(const Console &Out, const Options &O, const CacheFolder &Cache,
          const std::vector<CacheEntry> &Entries) {
  for (const CacheEntry &Entry : Entries)
    if (!Cache.remove(Entry.Path))
      return Out.fail(Message::CacheNotRemoved, {Entry.Path});
  const uint64_t Bytes = bytesOf(Entries);
  JsonWriter Json;
  Json.beginObject()
      .member("folder", Cache.path())
      .member("removed", int64_t(Entries.size()))
      .member("removed_bytes", int64_t(Bytes))
      .end();
  return (O.Json
              ? Out.printJson(Json.text() + "\n")
              : Out.print(Out.text(Message::CacheCleared,
                                   {std::to_string(Entries.size()),
                                    formatBytes(double(Bytes)), Cache.path()}) +
                          "\n"))
             ? ExitOk
             : ExitFailed;
}

std::string jsonText(const CacheFolder &Cache,
                     const std::vector<CacheEntry> &Entries) {
  JsonWriter Json;
  Json.beginObject()
      .member("folder", Cache.path())
      .member("bytes", int64_t(bytesOf(Entries)))
      .member("limit_bytes", int64_t(Cache.limit()))
      .key("packages")
      .beginArray();
  for (const CacheEntry &Entry : Entries) {
    const CacheSubject Subject = readCacheSubject(Entry.Path);
    Json.beginObject()
        .member("path", Entry.Path)
        .member("model", Subject.Model)
        .member("targets", Subject.Targets)
        .member("bytes", int64_t(Entry.Bytes))
        .member("used", Entry.UsedNs / 1'000'000'000)
        .end();
  }
  return Json.end().end().text() + "\n";
}

std::string tableText(const Console &Out, const CacheFolder &Cache,
                      const std::vector<CacheEntry> &Entries) {
  TextTable Table;
  if (!Entries.empty())
    Table.row({Out.text(Message::CacheModel), Out.text(Message::CacheTargets),
               Out.text(Message::CacheBytes), Out.text(Message::CacheUsed)});
  for (const CacheEntry &Entry : Entries) {
    const CacheSubject Subject = readCacheSubject(Entry.Path);
    Table.row({Subject.Model, Subject.Targets, formatBytes(double(Entry.Bytes)),
               timeText(Entry.UsedNs)});
  }
  return Table.text() +
         Out.text(Message::CacheTotal,
                  {std::to_string(Entries.size()),
                   formatBytes(double(bytesOf(Entries))),
                   formatBytes(double(Cache.limit())), Cache.path()}) +
         "\n";
}

} // namespace

int runCache(const Console &Out, const Options &O) {
  const CacheFolder Cache;
  if (!Cache.isWanted())
    return Out.fail(Message::CacheOff);
  if (const std::string Problem = Cache.problem(Out); !Problem.empty())
    return Out.fail(Cache.path() + ": " + Problem);
  const std::vector<CacheEntry> Entries = Cache.list();
  if (O.Clear)
    return clear(Out, O, Cache, Entries);
  return (O.Json ? Out.printJson(jsonText(Cache, Entries))
                 : Out.print(tableText(Out, Cache, Entries)))
             ? ExitOk
             : ExitFailed;
}

} // namespace dure
