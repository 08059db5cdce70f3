namespace Fathom.Serving.Requests;

/// <summary>Why a choice ended.</summary>
public enum FinishReason
{
    /// <summary>An end-of-generation token, a stop token or a stop string.</summary>
    Stop,

    /// <summary>The request's token limit or the context was reached.</summary>
    Length,

    /// <summary>The client cancelled, or the engine was disposed.</summary>
    Cancelled,

    /// <summary>The engine failed; see <see cref="GenerationUpdate.Error"/>.</summary>
    Error,
}
