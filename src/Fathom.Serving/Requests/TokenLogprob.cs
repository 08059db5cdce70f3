namespace Fathom.Serving.Requests;

/// <summary>A token and the natural logarithm of its probability.</summary>
/// <param name="Token">Token id.</param>
/// <param name="Logprob">log p; negative infinity when the model excludes the token.</param>
public readonly record struct TokenLogprob(int Token, float Logprob);

/// <summary>An emitted token with what the request asked to know about its place.</summary>
/// <param name="Token">Token id.</param>
/// <param name="Logprob">log p of the token; NaN when the request did not ask, and for a prompt's first token, which has no context.</param>
/// <param name="Top">The likeliest tokens at this place, best first; empty when not asked for.</param>
public readonly record struct EmittedToken(int Token, float Logprob, IReadOnlyList<TokenLogprob> Top);
