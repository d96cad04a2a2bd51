// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A place for files that go with the process.
#ifndef DURE_TOOLS_DURE_TEMPORARYFOLDER_H
#define DURE_TOOLS_DURE_TEMPORARYFOLDER_H

#include <string>
#include <vector>

namespace dure {

/// A private folder for one file, and others that are announced, which go with
/// it. Gone also when the process is ended from outside. One at a time.
class TemporaryFolder {
public:
  explicit TemporaryFolder(std::string FileName);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  /// The path of another file, which is about to be put there.
  std::string announce(const std::string &Name);

  std::string file() const { return Path + "/" + FileName; }

  /// Where it should be, and where it is; not there: empty, and why.
  std::string Place, Path;
  int Error = 0;

private:
  std::string FileName;
  std::vector<std::string> Announced;
};

} // namespace dure

#endif // DURE_TOOLS_DURE_TEMPORARYFOLDER_H
