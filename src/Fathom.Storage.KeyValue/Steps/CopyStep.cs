namespace Fathom.Storage.KeyValue.Steps;

/// <summary>The plainest function: what was read goes to scratch.</summary>
internal static class CopyStep
{
    /// <summary>The function.</summary>
    public static StorageFunction Function { get; } = StorageFunction.FromDelegate(Step, "copy");

    private static int Step(ref StorageContext context, ReadOnlySpan<byte> data, Span<byte> scratch)
    {
        if (data.Length > scratch.Length)
            return (int)StepFault.Request;
        data.CopyTo(scratch);
        context.Done = 1;
        return 0;
    }
}
