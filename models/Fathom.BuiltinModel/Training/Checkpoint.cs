using System.Runtime.InteropServices;

namespace Fathom.BuiltinModel.Training;

/// <summary>What training needs to go on after an interruption: weights, both moments, the step and the place in the corpus.</summary>
internal static class Checkpoint
{
    private const ulong Magic = 0x31_4B_43_4D_48_54_41_46;

    public static void Write(string path, int step, long nextDocument, params ReadOnlySpan<NetworkWeights> parts)
    {
        string partial = path + ".partial";
        using (FileStream file = File.Create(partial))
        {
            file.Write(MemoryMarshal.AsBytes<long>([(long)Magic, step, nextDocument, parts[0].Flat.Count]));
            foreach (NetworkWeights part in parts)
                file.Write(MemoryMarshal.AsBytes(part.Flat.Span));
        }

        // A rename replaces the old checkpoint whole, so an interruption leaves one or the other.
        File.Move(partial, path, overwrite: true);
    }

    public static (int Step, long NextDocument) Read(string path, params ReadOnlySpan<NetworkWeights> parts)
    {
        using FileStream file = File.OpenRead(path);
        var head = new long[4];
        file.ReadExactly(MemoryMarshal.AsBytes(head.AsSpan()));
        if (head[0] != (long)Magic || head[3] != parts[0].Flat.Count)
            throw new InvalidDataException($"{path}: not a checkpoint of this network");
        foreach (NetworkWeights part in parts)
            file.ReadExactly(MemoryMarshal.AsBytes(part.Flat.Span));
        return (checked((int)head[1]), head[2]);
    }
}
