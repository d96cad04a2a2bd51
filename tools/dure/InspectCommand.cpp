// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure inspect.
#include "tools/dure/Commands.h"
#include "tools/dure/JsonText.h"
#include "tools/io/File.h"

namespace dure {

int runInspect(const Console &Out, const Options &O) {
  // A file that cannot be read is not said to be no package.
  if (io::Result<io::MappedFile> File = io::MappedFile::open(O.Path); !File)
    return Out.fail(File.failure());
  if (!looksLikePackage(O.Path))
    return Out.fail(Message::NotAPackage, {O.Path});
  std::optional<LoadedPackage> Package = LoadedPackage::load(Out, O.Path, O);
  if (!Package)
    return ExitFailed;
  dure_text *Created = nullptr;
  if (!succeeded(Out, dure_package_describe(Package->package(), &Created)))
    return ExitFailed;
  const TextPointer Description(Created);
  const std::string_view Json(dure_text_data(Created), dure_text_size(Created));
  std::string Text = O.Json ? std::string(Json) : renderJson(Json);
  if (!Text.ends_with('\n'))
    Text += '\n';
  return Out.print(Text) ? ExitOk : ExitFailed;
}

} // namespace dure
