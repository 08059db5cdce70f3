using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Fathom.Server.Http;

/// <summary>The API keys that the server accepts. Immutable; keeps digests only, and no key ever reaches a log or a message.</summary>
internal sealed class ApiKeys
{
    private const int FileBytesMax = 1 << 20;
    private const int KeyCharsMax = 512;
    private const int KeysMax = 1024;

    private readonly byte[][] _digests;

    private ApiKeys(byte[][] digests) => _digests = digests;

    /// <summary>Reads a key file: one key a line, # begins a comment line.</summary>
    /// <exception cref="ServerOptionsException">Not readable, without keys, or with a line that cannot be a key.</exception>
    public static ApiKeys Load(string path)
    {
        const string option = "api-key-file";
        string[] lines;
        try
        {
            if (new FileInfo(path).Length > FileBytesMax)
                throw new ServerOptionsException(option, path, "a file of at most 1 MiB");
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ServerOptionsException(option, path, "a readable file with one key a line", e);
        }

        var digests = new List<byte[]>();
        for (var i = 0; i < lines.Length; i++)
        {
            var key = lines[i].Trim();
            if (key.Length == 0 || key[0] == '#')
                continue;
            if (key.Length > KeyCharsMax || key.AsSpan().ContainsAnyExceptInRange('!', '~'))
            {
                throw new ServerOptionsException(option, path, string.Create(CultureInfo.InvariantCulture,
                    $"a file of keys of at most {KeyCharsMax} printable ASCII characters without spaces; line {i + 1} is not one"));
            }

            digests.Add(Digest(key));
        }

        if (digests.Count is 0 or > KeysMax)
            throw new ServerOptionsException(option, path, string.Create(CultureInfo.InvariantCulture, $"a file with 1 to {KeysMax} keys"));
        return new ApiKeys([.. digests]);
    }

    /// <summary>Whether an Authorization header carries one of the keys. Takes the same time whichever key it is, or none.</summary>
    public bool Accepts(string? authorization)
    {
        const string scheme = "Bearer ";
        if (authorization is null || !authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            return false;

        var key = authorization.AsSpan(scheme.Length).Trim();
        if (key.Length > KeyCharsMax)
            return false;

        var digest = Digest(key.ToString());
        var accepted = false;
        foreach (var known in _digests)
            accepted |= CryptographicOperations.FixedTimeEquals(known, digest);
        return accepted;
    }

    private static byte[] Digest(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
