using Fathom.Server.Http;

namespace Fathom.Server.OpenAi;

/// <summary>The models of one server, found by the names that requests use. Immutable.</summary>
internal sealed class ServedModels
{
    private readonly ServedModel[] _models;

    /// <exception cref="ServerOptionsException">No model, or two of one name.</exception>
    public ServedModels(IReadOnlyList<ServedModel> models)
    {
        if (models.Count == 0)
            throw new ServerOptionsException("model", "", "at least one model");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var model in models)
        {
            foreach (var name in model.Aliases.Prepend(model.Name))
            {
                if (!names.Add(name))
                    throw new ServerOptionsException("model-name", name, "unique among the served models and their aliases");
            }
        }

        _models = [.. models];
    }

    public IReadOnlyList<ServedModel> All => _models;

    /// <summary>The model that a request's <c>model</c> field names. A server of one model does not insist on the field.</summary>
    /// <exception cref="RequestRejectedException">Unknown, or missing where there are several.</exception>
    public ServedModel Resolve(JsonFields fields)
    {
        var name = fields.Text("model");
        if (name is null)
            return _models.Length == 1 ? _models[0] : throw new RequestRejectedException(ApiError.Missing("model"));
        return Find(name) ?? throw new RequestRejectedException(ApiError.ModelNotFound(name));
    }

    public ServedModel? Find(string name) => Array.Find(_models, model => model.IsNamed(name));
}
