using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Fathom.Server.Tests.Fakes;

/// <summary>Keeps every log line, so that a test can say what must not be in it.</summary>
internal sealed class GatheringLog : ILoggerProvider
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource> _events = new();

    public string Text => string.Join('\n', _lines);

    public ILogger CreateLogger(string categoryName) => new Writer(this, categoryName);

    /// <summary>Ends once an event of this id has been logged.</summary>
    public Task WaitForEventAsync(int id) => Event(id).Task.WaitAsync(TimeSpan.FromSeconds(30));

    private TaskCompletionSource Event(int id) =>
        _events.GetOrAdd(id, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    public void Dispose()
    {
    }

    private sealed class Writer(GatheringLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            log._lines.Enqueue($"{category} {eventId.Id} {formatter(state, exception)} {exception}");
            log.Event(eventId.Id).TrySetResult();
        }
    }
}
