namespace Fathom.BuiltinModel.Corpus;

/// <summary>Who and what a story is told with, drawn before the plot; no two roles share a name.</summary>
internal sealed class Cast
{
    public Cast(SeededRandom random)
    {
        Hero = World.DrawPerson(random);
        do
            Friend = World.DrawPerson(random);
        while (Friend.Name == Hero.Name);
        do
            Third = World.DrawPerson(random);
        while (Third.Name == Hero.Name || Third.Name == Friend.Name);
        Animal = random.Pick(World.StoryAnimals);
        do
            OtherAnimal = random.Pick(World.StoryAnimals);
        while (OtherAnimal == Animal);
        AnimalName = random.Pick(World.PetNames);
        do
            OtherAnimalName = random.Pick(World.PetNames);
        while (OtherAnimalName == AnimalName);
        Item = random.Pick(World.Items);
        do
            OtherItem = random.Pick(World.Items);
        while (OtherItem == Item);
        Colour = random.Pick(World.Colours);
        do
            OtherColour = random.Pick(World.Colours);
        while (OtherColour == Colour);
        Place = random.Pick(World.OutdoorPlaces);
        do
            OtherPlace = random.Pick(World.Places);
        while (OtherPlace == Place);
        Food = random.Pick(World.Foods);
        Relative = random.Pick(World.Relatives);
        Weather = random.Pick(World.Weathers);
        Day = random.Pick(World.Days);
    }

    public Person Hero { get; }

    public Person Friend { get; }

    public Person Third { get; }

    public AnimalKind Animal { get; }

    public AnimalKind OtherAnimal { get; }

    public string AnimalName { get; }

    public string OtherAnimalName { get; }

    public Item Item { get; }

    public Item OtherItem { get; }

    public string Colour { get; }

    public string OtherColour { get; }

    public Place Place { get; }

    public Place OtherPlace { get; }

    public string Food { get; }

    public string Relative { get; }

    public Weather Weather { get; }

    public string Day { get; }

    /// <summary>The coloured thing, without an article: "red kite".</summary>
    public string Thing => $"{Colour} {Item.Name}";
}
