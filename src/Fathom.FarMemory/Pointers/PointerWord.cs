namespace Fathom.FarMemory.Pointers;

/// <summary>The 8 bytes through which an object is reached, in one of two forms.</summary>
/// <remarks>
/// <code>
/// local: P=1 63 | L 62 | S 61 | M 60 | E 59 | unused 58-56 | hotness 55-48 | address 47-0
/// far:   P=0 63 | L 62 | S 61 | object index 60-48 | region 47-32 | span 31-0
/// </code>
/// P: present in local memory. L: locked for the length of a copy. S: shared. M: about to be moved. E: about to be evicted. E and M:
/// the grace period is over, nobody holds the object, its bytes are on their way.
/// Hotness is a whole byte of the word, so that dereferencing stores it alone and never writes the other bits. The region is a hint:
/// pools that find a span by its id leave it 0. All zero is a pointer to nothing.
/// </remarks>
internal readonly record struct PointerWord(ulong Value)
{
    public const ulong Present = 1UL << 63;
    public const ulong Locked = 1UL << 62;
    public const ulong Shared = 1UL << 61;
    public const ulong Moving = 1UL << 60;
    public const ulong Evicting = 1UL << 59;
    public const ulong AddressMask = (1UL << 48) - 1;
    public const int HotnessShift = 48;
    public const ulong HotnessMask = 0xFFUL << HotnessShift;

    /// <summary>Set by every dereference.</summary>
    public const byte Hottest = 0xFF;

    public const int ObjectIndexShift = 48;
    public const ulong ObjectIndexMask = (1UL << 13) - 1;
    public const int RegionShift = 32;

    /// <summary>Objects that a span can number: 13 bits.</summary>
    public const int ObjectsPerSpanMax = 1 << 13;

    /// <summary>What must be read under this mask as <see cref="Present"/> alone for a dereference to take the short way.</summary>
    public const ulong BarrierMask = Present | Locked | Moving | Evicting;

    public bool IsNull => Value == 0;

    public bool IsPresent => (Value & Present) != 0;

    public bool IsLocked => (Value & Locked) != 0;

    public bool IsShared => (Value & Shared) != 0;

    public bool IsMoving => (Value & Moving) != 0;

    public bool IsEvicting => (Value & Evicting) != 0;

    public byte Hotness => (byte)(Value >> HotnessShift);

    public ulong Address => Value & AddressMask;

    public uint Span => (uint)Value;

    public ushort Region => (ushort)(Value >> RegionShift);

    public int ObjectIndex => (int)(Value >> ObjectIndexShift & ObjectIndexMask);

    public static PointerWord Local(ulong address, byte hotness, bool shared) =>
        new(Present | (shared ? Shared : 0) | (ulong)hotness << HotnessShift | address & AddressMask);

    public static PointerWord Far(uint span, ushort region, int objectIndex, bool shared) =>
        new((shared ? Shared : 0) | (ulong)objectIndex << ObjectIndexShift | (ulong)region << RegionShift | span);

    /// <summary>Same object at the same address, whatever its hotness and marks.</summary>
    public bool PointsTo(ulong address) => IsPresent && Address == address;

    public PointerWord With(ulong bits) => new(Value | bits);

    public PointerWord Without(ulong bits) => new(Value & ~bits);

    public PointerWord WithHotness(byte hotness) => new(Value & ~HotnessMask | (ulong)hotness << HotnessShift);
}
