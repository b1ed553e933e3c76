"""A formula for Homebrew, which installs the archives."""
import hashlib

from release import DESCRIPTION, REPOSITORY, VERSION

# Homebrew's names of the systems and processors.
BLOCKS = {
    "x86_64-unknown-linux-musl": ("on_linux", "on_intel"),
    "aarch64-unknown-linux-musl": ("on_linux", "on_arm"),
    "x86_64-apple-darwin": ("on_macos", "on_intel"),
    "aarch64-apple-darwin": ("on_macos", "on_arm"),
}
FORMULA = """class Wabacl < Formula
  desc "{description}"
  homepage "https://github.com/{repository}"
  version "{version}"
  license any_of: ["MIT", "Apache-2.0"]

{systems}
  def install
    bin.install "wabacl"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/wabacl.bash" => "wabacl"
    zsh_completion.install "completions/wabacl.zsh" => "_wabacl"
    fish_completion.install "completions/wabacl.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{{bin}}/wabacl --version")
  end
end
"""


def source(archive):
    url = f"https://github.com/{REPOSITORY}/releases/download/v{VERSION}/{archive.file.name}"
    return f'      url "{url}"\n      sha256 "{hashlib.sha256(archive.file.read_bytes()).hexdigest()}"\n'


def write(archives, folder):
    """Writes the formula and returns its path."""
    systems = ""
    for system in ("on_macos", "on_linux"):
        inside = [(BLOCKS[one.platform.target][1], one) for one in archives
                  if BLOCKS.get(one.platform.target, (None,))[0] == system]
        if inside:
            blocks = "".join(f"    {processor} do\n{source(one)}    end\n" for processor, one in sorted(inside, key=lambda pair: pair[0]))
            systems += f"  {system} do\n{blocks}  end\n\n"
    # Homebrew wants a description of at most 80 characters.
    description = DESCRIPTION.split(":")[0]
    file = folder / "wabacl.rb"
    file.write_text(FORMULA.format(
        description=description, repository=REPOSITORY, version=VERSION, systems=systems.rstrip("\n") + "\n"))
    return file
