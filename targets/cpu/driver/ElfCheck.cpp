// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks the ELF of a CPU code object before the dynamic loader sees it.
#include "targets/cpu/driver/ElfCheck.h"

#include <elf.h>

#include <cstring>
#include <vector>

using namespace dure::cpu;

namespace {

#if defined(__x86_64__)
constexpr uint16_t Machine = EM_X86_64;
constexpr const char *MachineName = "x86-64";
constexpr uint32_t Relative = R_X86_64_RELATIVE;
constexpr uint32_t Symbolic[] = {R_X86_64_64, R_X86_64_GLOB_DAT,
                                 R_X86_64_JUMP_SLOT};
#elif defined(__aarch64__)
constexpr uint16_t Machine = EM_AARCH64;
constexpr const char *MachineName = "AArch64";
constexpr uint32_t Relative = R_AARCH64_RELATIVE;
constexpr uint32_t Symbolic[] = {R_AARCH64_ABS64, R_AARCH64_GLOB_DAT,
                                 R_AARCH64_JUMP_SLOT};
#endif

// No code object comes near this; a header that claims more is damaged.
constexpr uint64_t ImageLimit = uint64_t(1) << 30;
constexpr uint64_t PageSize = 4096;

class Checker {
public:
  Checker(const uint8_t *Data, size_t Size) : Data(Data), Size(Size) {}

  std::string run(ElfExtent &Extent);

private:
  bool header();
  bool segments(ElfExtent &Extent);
  bool dynamic();
  bool dynamicTag(const Elf64_Dyn &D);
  bool relocations(uint64_t Address, uint64_t Bytes, const char *What);
  bool relocation(const Elf64_Rela &R);

  bool refuse(std::string Why) {
    Message = std::move(Why);
    return false;
  }
  /// BYTES bytes of the file that the loader will map at ADDRESS, or null.
  const uint8_t *at(uint64_t Address, uint64_t Bytes) const;
  /// The string at OFFSET of the dynamic string table, or null.
  const char *string(uint64_t Offset) const;

  const uint8_t *Data;
  size_t Size;
  std::string Message;
  std::vector<Elf64_Phdr> Headers;
  std::vector<Elf64_Phdr> Loads;

  struct {
    uint64_t StringTable = 0, StringSize = 0, SymbolTable = 0;
    uint64_t Rela = 0, RelaSize = 0, Plt = 0, PltSize = 0, PltKind = DT_RELA;
    bool BindsLocally = false;
  } Dyn;
};

} // namespace

const uint8_t *Checker::at(uint64_t Address, uint64_t Bytes) const {
  for (const Elf64_Phdr &P : Loads)
    if (Address >= P.p_vaddr && Address - P.p_vaddr <= P.p_filesz &&
        Bytes <= P.p_filesz - (Address - P.p_vaddr))
      return Data + P.p_offset + (Address - P.p_vaddr);
  return nullptr;
}

const char *Checker::string(uint64_t Offset) const {
  if (Offset >= Dyn.StringSize)
    return nullptr;
  const uint8_t *Table = at(Dyn.StringTable, Dyn.StringSize);
  if (!Table || !std::memchr(Table + Offset, 0, Dyn.StringSize - Offset))
    return nullptr;
  return reinterpret_cast<const char *>(Table + Offset);
}

bool Checker::header() {
  Elf64_Ehdr E;
  if (Size < sizeof(E))
    return refuse("it is shorter than an ELF header");
  std::memcpy(&E, Data, sizeof(E));
  if (std::memcmp(E.e_ident, ELFMAG, SELFMAG) != 0)
    return refuse("it is no ELF file");
  if (E.e_ident[EI_CLASS] != ELFCLASS64 || E.e_ident[EI_DATA] != ELFDATA2LSB)
    return refuse("it is not 64-bit little-endian ELF");
  if (E.e_type != ET_DYN)
    return refuse("it is no shared object");
  if (E.e_machine != Machine)
    return refuse("it is for ELF machine " + std::to_string(E.e_machine) +
                  ", this is " + MachineName);
  if (E.e_phentsize != sizeof(Elf64_Phdr) || E.e_phnum == 0)
    return refuse("its program headers are malformed");
  uint64_t Bytes = uint64_t(E.e_phnum) * sizeof(Elf64_Phdr);
  if (E.e_phoff > Size || Bytes > Size - E.e_phoff)
    return refuse("its program headers lie outside the file");
  Headers.resize(E.e_phnum);
  std::memcpy(Headers.data(), Data + E.e_phoff, Bytes);
  return true;
}

bool Checker::segments(ElfExtent &Extent) {
  for (const Elf64_Phdr &P : Headers) {
    if (P.p_type == PT_INTERP)
      return refuse("it names a program interpreter");
    if (P.p_type == PT_TLS)
      return refuse("it has thread-local storage; keep state in scratch");
    if (P.p_type == PT_GNU_STACK && (P.p_flags & PF_X))
      return refuse(
          "it asks for an executable stack; link with -z noexecstack");
    if (P.p_type != PT_LOAD)
      continue;
    if (P.p_offset > Size || P.p_filesz > Size - P.p_offset)
      return refuse("a segment lies outside the file");
    if (P.p_memsz < P.p_filesz || P.p_vaddr > ImageLimit ||
        P.p_memsz > ImageLimit - P.p_vaddr)
      return refuse("a segment has an impossible size");
    if (P.p_offset % PageSize != P.p_vaddr % PageSize)
      return refuse("a segment is not aligned to pages");
    if ((P.p_flags & PF_W) && (P.p_flags & PF_X))
      return refuse("a segment is both writable and executable");
    // Ascending and without a shared page: then what is read here at an
    // address is what the loader maps there.
    if (!Loads.empty()) {
      const Elf64_Phdr &Before = Loads.back();
      uint64_t End = Before.p_vaddr + Before.p_memsz;
      uint64_t EndPage = (End + PageSize - 1) / PageSize;
      if (P.p_vaddr / PageSize < EndPage)
        return refuse("two segments share a page; link with -z separate-code");
    }
    Loads.push_back(P);
  }
  if (Loads.empty())
    return refuse("it has nothing to load");
  Extent.Begin = Loads.front().p_vaddr;
  Extent.End = Loads.back().p_vaddr + Loads.back().p_memsz;
  return true;
}

bool Checker::dynamicTag(const Elf64_Dyn &D) {
  uint64_t Value = D.d_un.d_val;
  switch (D.d_tag) {
  case DT_STRTAB:
    Dyn.StringTable = Value;
    return true;
  case DT_STRSZ:
    Dyn.StringSize = Value;
    return true;
  case DT_SYMTAB:
    Dyn.SymbolTable = Value;
    return true;
  case DT_RELA:
    Dyn.Rela = Value;
    return true;
  case DT_RELASZ:
    Dyn.RelaSize = Value;
    return true;
  case DT_JMPREL:
    Dyn.Plt = Value;
    return true;
  case DT_PLTRELSZ:
    Dyn.PltSize = Value;
    return true;
  case DT_PLTREL:
    Dyn.PltKind = Value;
    return true;
  case DT_SYMENT:
    return Value == sizeof(Elf64_Sym) || refuse("its symbols have an odd size");
  case DT_RELAENT:
    return Value == sizeof(Elf64_Rela) ||
           refuse("its relocations have an odd size");
  case DT_SYMBOLIC:
    Dyn.BindsLocally = true;
    return true;
  case DT_FLAGS:
    if (Value & DF_TEXTREL)
      return refuse("it has text relocations; compile with -fPIC");
    if (Value & DF_STATIC_TLS)
      return refuse("it has thread-local storage; keep state in scratch");
    Dyn.BindsLocally |= (Value & DF_SYMBOLIC) != 0;
    return true;
  case DT_TEXTREL:
    return refuse("it has text relocations; compile with -fPIC");
  case DT_INIT:
  case DT_INIT_ARRAY:
  case DT_PREINIT_ARRAY:
    return refuse("it has constructors, which would run when it is loaded; "
                  "link with -nostdlib and without initialized globals");
  case DT_FINI:
  case DT_FINI_ARRAY:
    return refuse("it has destructors, which would run when it is unloaded; "
                  "link with -nostdlib");
  case DT_REL:
    return refuse("it has relocations of a kind that this machine lacks");
  case DT_RPATH:
  case DT_RUNPATH:
  case DT_AUDIT:
  case DT_DEPAUDIT:
  case DT_FILTER:
  case DT_AUXILIARY:
  case DT_CONFIG:
    return refuse("it asks the loader for other files");
  default:
    return true;
  }
}

bool Checker::relocation(const Elf64_Rela &R) {
  uint32_t Type = ELF64_R_TYPE(R.r_info);
  if (!at(R.r_offset, sizeof(uint64_t))) {
    // Zero-filled memory has no file bytes, but may be relocated.
    bool Inside = false;
    for (const Elf64_Phdr &P : Loads)
      Inside |= R.r_offset >= P.p_vaddr && P.p_memsz >= sizeof(uint64_t) &&
                R.r_offset - P.p_vaddr <= P.p_memsz - sizeof(uint64_t);
    if (!Inside)
      return refuse("a relocation lies outside the image");
  }
  if (Type == Relative)
    return true;
  bool Known = false;
  for (uint32_t S : Symbolic)
    Known |= Type == S;
  if (!Known)
    return refuse("it has a relocation of type " + std::to_string(Type) +
                  ", which is not allowed in code objects");
  Elf64_Sym Symbol;
  uint64_t Index = ELF64_R_SYM(R.r_info);
  const uint8_t *Bytes =
      at(Dyn.SymbolTable + Index * sizeof(Symbol), sizeof(Symbol));
  if (!Bytes)
    return refuse("a relocation names a symbol outside the symbol table");
  std::memcpy(&Symbol, Bytes, sizeof(Symbol));
  const char *Name = string(Symbol.st_name);
  std::string Shown = Name ? Name : "?";
  if (Symbol.st_shndx == SHN_UNDEF)
    return refuse("it needs the symbol '" + Shown +
                  "', which is not on the list of allowed imports (that list "
                  "is empty); define it inside the code object");
  if (ELF64_ST_TYPE(Symbol.st_info) == STT_GNU_IFUNC)
    return refuse("'" + Shown + "' is resolved by code that runs at load");
  bool Outside = ELF64_ST_BIND(Symbol.st_info) != STB_LOCAL &&
                 ELF64_ST_VISIBILITY(Symbol.st_other) == STV_DEFAULT;
  if (Outside && !Dyn.BindsLocally)
    return refuse("the loader may bind '" + Shown +
                  "' to another library; give it hidden visibility or link "
                  "with -Bsymbolic");
  return true;
}

bool Checker::relocations(uint64_t Address, uint64_t Bytes, const char *What) {
  if (Bytes == 0)
    return true;
  const uint8_t *Table = at(Address, Bytes);
  if (!Table || Bytes % sizeof(Elf64_Rela) != 0)
    return refuse(std::string("its ") + What + " lie outside the image");
  for (uint64_t I = 0; I != Bytes; I += sizeof(Elf64_Rela)) {
    Elf64_Rela R;
    std::memcpy(&R, Table + I, sizeof(R));
    if (!relocation(R))
      return false;
  }
  return true;
}

bool Checker::dynamic() {
  const Elf64_Phdr *Section = nullptr;
  for (const Elf64_Phdr &P : Headers) {
    if (P.p_type != PT_DYNAMIC)
      continue;
    if (Section)
      return refuse("it has two dynamic sections");
    Section = &P;
  }
  if (!Section)
    return refuse("it has no dynamic section");
  // By address, as the loader reads it.
  const uint8_t *Bytes = at(Section->p_vaddr, Section->p_memsz);
  if (!Bytes)
    return refuse("its dynamic section lies outside the image");

  std::vector<uint64_t> Needed;
  bool Ended = false;
  for (uint64_t I = 0; I + sizeof(Elf64_Dyn) <= Section->p_memsz && !Ended;
       I += sizeof(Elf64_Dyn)) {
    Elf64_Dyn D;
    std::memcpy(&D, Bytes + I, sizeof(D));
    Ended = D.d_tag == DT_NULL;
    if (D.d_tag == DT_NEEDED)
      Needed.push_back(D.d_un.d_val);
    else if (!dynamicTag(D))
      return false;
  }
  if (!Ended)
    return refuse("its dynamic section has no end");
  if (!Dyn.StringTable || !at(Dyn.StringTable, Dyn.StringSize) ||
      !at(Dyn.SymbolTable, sizeof(Elf64_Sym)))
    return refuse("its dynamic symbols lie outside the image");
  if (!Needed.empty()) {
    const char *Name = string(Needed.front());
    return refuse(std::string("it needs the library '") + (Name ? Name : "?") +
                  "'; code objects are linked with -nostdlib");
  }
  if (Dyn.PltSize && Dyn.PltKind != DT_RELA)
    return refuse("it has relocations of a kind that this machine lacks");
  return relocations(Dyn.Rela, Dyn.RelaSize, "relocations") &&
         relocations(Dyn.Plt, Dyn.PltSize, "function relocations");
}

std::string Checker::run(ElfExtent &Extent) {
  if (header() && segments(Extent) && dynamic())
    return {};
  return Message;
}

std::string dure::cpu::checkElf(const void *Data, size_t Size,
                                ElfExtent &Extent) {
  return Checker(static_cast<const uint8_t *>(Data), Size).run(Extent);
}
