// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A place for files that go with the process.
#include "tools/dure/TemporaryFolder.h"

#include "runtime/io/TemporaryFiles.h"
#include "tools/dure/Console.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace dure {

TemporaryFolder::TemporaryFolder(std::string FileName)
    : FileName(std::move(FileName)) {
  const char *Wanted = std::getenv("TMPDIR");
  Place = Wanted && *Wanted ? Wanted : "/tmp";
  std::string Pattern = Place + "/dure-XXXXXX";
  if (!::mkdtemp(Pattern.data())) {
    Error = errno;
    return;
  }
  Path = Pattern;
  setTemporaryFile(file());
}

std::string TemporaryFolder::announce(const std::string &Name) {
  Announced.push_back(Path + "/" + Name);
  addTemporaryFile(Announced.back());
  return Announced.back();
}

TemporaryFolder::~TemporaryFolder() {
  setTemporaryFile("");
  for (const std::string &Each : Announced)
    dropTemporaryFile(Each);
  std::error_code Ignored;
  if (!Path.empty())
    std::filesystem::remove_all(Path, Ignored);
}

} // namespace dure
