# Installs a formula as Homebrew does, with the archives in a folder in place of downloads.
#
#   ruby formula.rb FORMULA ARCHIVES PREFIX
#
# It knows the part of Homebrew's language that the formula uses, and fails for any other word.
require "digest"
require "fileutils"
require "pathname"

FORMULA, ARCHIVES, PREFIX = ARGV.map { |path| Pathname(File.expand_path(path)) }
SYSTEM = RUBY_PLATFORM.include?("darwin") ? :on_macos : :on_linux
PROCESSOR = RUBY_PLATFORM.match?(/arm|aarch64/) ? :on_arm : :on_intel

class Pathname
  def install(*files)
    mkpath
    files.flatten.each do |file|
      names = file.is_a?(Hash) ? file : { file => File.basename(file) }
      names.each { |from, to| FileUtils.cp(from, self / to) }
    end
  end
end

class Formula
  class << self
    attr_reader :read, :tested

    %i[desc homepage version license url sha256].each do |word|
      define_method(word) { |value| (@read ||= {})[word] = value }
    end

    %i[on_macos on_linux on_intel on_arm].each do |word|
      define_method(word) { |&block| block.call if [SYSTEM, PROCESSOR].include?(word) }
    end

    def test(&block) = @tested = block
  end

  def version = self.class.read.fetch(:version)
  def bin = PREFIX / "bin"
  def man1 = PREFIX / "share/man/man1"
  def bash_completion = PREFIX / "etc/bash_completion.d"
  def zsh_completion = PREFIX / "share/zsh/site-functions"
  def fish_completion = PREFIX / "share/fish/vendor_completions.d"
  def shell_output(command) = `#{command}`.tap { raise command unless $?.success? }

  def assert_match(expected, actual)
    raise "#{expected} is not in #{actual}" unless actual.include?(expected)
  end
end

load FORMULA.to_s
read = Wabacl.read
raise "the description is too long" if read.fetch(:desc).length > 80
archive = ARCHIVES / File.basename(read.fetch(:url))
raise "#{archive} has another checksum" unless Digest::SHA256.file(archive).hexdigest == read.fetch(:sha256)
unpacked = PREFIX / "unpacked"
unpacked.mkpath
system("tar", "-xzf", archive.to_s, "-C", unpacked.to_s, "--strip-components=1", exception: true)
formula = Wabacl.new
Dir.chdir(unpacked) { formula.install }
formula.instance_eval(&Wabacl.tested)
puts "formula: #{read.fetch(:url)}"
