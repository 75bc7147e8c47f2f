import Glibc

/// What the machine has.
public enum Machine {
  /// Bytes of memory.
  public static var physicalMemory: Int {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  }
}
