namespace Fathom.Bpf.Maps;

/// <summary>A map cannot be made as its definition says.</summary>
/// <param name="map">The map's name.</param>
/// <param name="problem">Which field is wrong, and its value.</param>
public sealed class InvalidMapException(string map, string problem) : BpfException($"map {map}", problem);
